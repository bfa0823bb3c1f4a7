/* Checks of a data set that was read. */
#ifndef FUZZ_DATA_H
#define FUZZ_DATA_H

/* Read the folder of that name, below fuzz_path(""), as a data set. */
void fuzz_data(const char *folder);

#endif
