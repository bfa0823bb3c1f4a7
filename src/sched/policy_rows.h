/*
 * Learning rate policies: a row of struct policy (policies.h) for each number of enum clr_policy, with its
 * name. SWEEP: of the range test. clr/schedule.h has the formulas.
 */
/* clang-format off */
ROW(FIXED, "fixed", NEEDS_LR | IS_STRAIGHT | IS_CAFFES, .rate = fixed_rate)
ROW(MULTISTEP, "multistep", NEEDS_LR | NEEDS_GAMMA | NEEDS_MILESTONES | IS_STRAIGHT | JUMPS | IS_CAFFES,
    .rate = multistep_rate, .end = milestone_end, .check = check_factor)
ROW(TRIANGULAR, "triangular", NEEDS_BOUNDS | NEEDS_STEP | MAY_REACH_ZERO | IS_STRAIGHT | IS_CAFFES,
    .wave = triangular_wave, .cycle = two_steps, .end = step_end)
ROW(TRIANGULAR2, "triangular2", NEEDS_BOUNDS | NEEDS_STEP | MAY_REACH_ZERO | IS_STRAIGHT | IS_CAFFES,
    .wave = triangular2_wave, .cycle = two_steps, .end = step_end)
ROW(EXP_RANGE, "exp_range",
    NEEDS_BOUNDS | NEEDS_GAMMA | NEEDS_STEP | MAY_REACH_ZERO | READS_EXP_RANGE | IS_CAFFES,
    .rate = exp_range_rate, .wave = exp_range_wave, .cycle = two_steps, .end = step_end,
    .check = check_factor)
ROW(DECAY, "decay", NEEDS_BOUNDS | NEEDS_STEP | DECLINES | IS_STRAIGHT, .rate = decay_rate, .end = decay_end)
ROW(EXP, "exp", NEEDS_LR | NEEDS_GAMMA | IS_CAFFES, .rate = exp_rate, .check = check_factor)
ROW(STEP, "step", NEEDS_LR | NEEDS_GAMMA | NEEDS_STEP | IS_STRAIGHT | JUMPS | IS_CAFFES,
    .rate = step_rate, .end = step_end, .check = check_factor)
ROW(INV, "inv", NEEDS_LR | NEEDS_GAMMA | NEEDS_POWER | IS_CAFFES, .rate = inv_rate, .check = check_inv)
ROW(POLY, "poly", NEEDS_LR | NEEDS_POWER | NEEDS_ITERATIONS | IS_CAFFES, .rate = poly_rate, .end = poly_end)
ROW(SIGMOID, "sigmoid", NEEDS_LR | NEEDS_GAMMA | NEEDS_STEP | IS_CAFFES,
    .rate = sigmoid_rate, .check = check_sigmoid)
ROW(1CYCLE, "1cycle", NEEDS_MAX | NEEDS_ITERATIONS | READS_PHASES,
    .rate = one_cycle_rate, .wave = one_cycle_wave, .end = phase_end, .check = check_one_cycle)
ROW(SGDR, "sgdr", NEEDS_BOUNDS | NEEDS_STEP | READS_T_MULT | MAY_REACH_ZERO | JUMPS,
    .wave = sgdr_wave, .cycle = sgdr_period, .end = clr_schedule_cycle_end, .check = check_sgdr)
ROW(1CYCLE_SMITH, "1cycle_smith", NEEDS_BOUNDS | NEEDS_STEP | MAY_REACH_ZERO | IS_STRAIGHT | IS_CAFFES,
    .caffe = "1cycle", .rate = smith_rate, .wave = triangular2_wave, .end = smith_end)
SWEEP(LINEAR, "linear sweep", IS_STRAIGHT, .rate = linear_sweep_rate, .end = sweep_end)
SWEEP(LOG, "log sweep", 0, .rate = log_sweep_rate, .end = sweep_end)
