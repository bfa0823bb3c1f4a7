/* The numbers of a figure as CSV, for those who cannot see it and for other programs. */
#ifndef PLOT_TABLE_H
#define PLOT_TABLE_H

#include "plot/bars.h"
#include "plot/chart.h"

/*
 * Columns panel,axis,kind,name,x,y,low,high,line: the labels of the y and the x axis, then what it is:
 *
 *   point   of the curve `name`: x, y, low and high of its band, the value of its smoothed line
 *   level   a horizontal helper line at y, from low to high on the x axis
 *   mark    a vertical one at x
 *   range   a stripe from low to high on the x axis
 *
 * Fields that do not apply are empty; texts stand in quotes where they need them (RFC 4180).
 */
int table_of_chart(struct str *out, const struct chart *chart, struct clr_error *err);

/* Columns layer,pass,device,legend,unit,median,min,max: `legend` is what the figure calls the device. Bars
 * that were not measured are omitted. */
int table_of_bars(struct str *out, const struct bars *bars, struct clr_error *err);

#endif
