/* A user's program, against the installed library: C11 and C++11. See installed.sh. */
#include <clr/clr.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct clr_schedule s;
    struct clr_error err;

    clr_schedule_init(&s);
    s.policy = CLR_POLICY_TRIANGULAR;
    s.min_lr = 1.0;
    s.max_lr = 3.0;
    s.step_size = 4;
    if (clr_schedule_check(&s, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (fabs(clr_schedule_lr(&s, 2) - 2.0) > 1e-12 || strlen(CLR_VERSION) == 0)
        return 1;
    s.max_lr = 0.5;
    return clr_schedule_check(&s, &err) == CLR_EUSAGE && strlen(err.message) > 0 ? 0 : 1;
}
