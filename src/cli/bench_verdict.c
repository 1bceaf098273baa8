#include <stdio.h>
#include <string.h>

#include "cli/bench_report.h"
#include "cli/table.h"

const char *cli_bench_unit(const mae_goal *goal)
{
    static const char *const units[] = {"ms", "mJ", "mJ ms", "weighted"};
    return units[goal->minimize];
}

bool cli_bench_has_energy(const mae_bench *bench)
{
    return bench->meter.measured || bench->profile->energy != MAE_ENERGY_NONE;
}

/* What less of is better. */
static const char *substance(const mae_goal *goal)
{
    static const char *const texts[] = {"time", "energy", "energy x latency", "weighted cost"};
    return texts[goal->minimize];
}

static bool has_bounds(const mae_goal *goal)
{
    return goal->max_latency_ms > 0 || goal->max_energy_mj > 0 || goal->max_power_w > 0 || goal->max_switches >= 0;
}

/* Why there is no single PE to compare with. */
static void print_enabled(const mae_bench *b)
{
    bool complete = false, verified = false;
    for (size_t i = 0; i < b->n_single; i++) {
        complete = complete || b->single[i].complete;
        verified = verified || (b->single[i].complete && b->single[i].verified);
    }
    if (!complete)
        printf("Only the mix runs this network: no single PE supports all of its layers.");
    else if (!verified)
        printf("Only the mix can be offered: no single PE's outputs agree with ONNX Runtime's.");
    else
        printf("Only the mix meets this goal: every single PE misses the bounds.");
}

static void print_choice(const mae_bench *b)
{
    const char *less = substance(&b->goal);
    if (!b->baseline)
        print_enabled(b);
    else if (b->profile->n_pes == 1)
        printf("There is only %s here: nothing to mix.", b->baseline);
    else if (b->single_is_best && b->unverified > 0 && b->unverified == b->candidates)
        printf("No mix's outputs agree with ONNX Runtime's within the tolerance, so %s alone is what the plan offers.",
               b->baseline);
    else if (b->single_is_best)
        printf("Mixing did not pay here: no mix beat %s when measured, so %s alone is what the plan offers.",
               b->baseline, b->baseline);
    else
        printf("Mixing paid: the plan takes %.1f %% less %s than %s, the best single PE%s (95 %% interval %.1f to "
               "%.1f%s).",
               b->maeg.median * 100, less, b->baseline, has_bounds(&b->goal) ? " that meets the bounds" : "",
               b->maeg.low * 100, b->maeg.high * 100,
               b->goal.minimize == MAE_MIN_LATENCY ? ""
               : b->meter.measured                 ? "; latency and energy measured"
                                                   : "; latency measured, energy predicted");
}

/* ---- promises beside what was measured ---- */

static void print_forecast(const char *when, const mae_bench_forecast *of)
{
    if (of->exists)
        printf("  %-30s MAEG %5.1f %% [%.1f, %.1f], P(mix beats the best single PE) %.2f\n", when,
               of->maeg.median * 100, of->maeg.low * 100, of->maeg.high * 100, of->p_beats);
}

/* Less work for less exact numbers is no gain of the mapping's. */
static void print_precision(const mae_bench *b)
{
    if (!b->mixed_precision)
        return;
    printf("Mixed precision: the plan computes in ");
    for (size_t i = 0; i < b->n_precisions; i++)
        printf("%s%s", i == 0 ? "" : i + 1 < b->n_precisions ? ", " : " and ", b->precisions[i]);
    for (size_t i = 0; b->baseline && i < b->n_single; i++)
        if (strcmp(b->single[i].name, b->baseline) == 0 && *b->single[i].precision)
            printf(", %s in %s", b->baseline, b->single[i].precision);
    printf("; each is verified within its own tolerance.\n");
}

static void print_gain(const mae_bench *b)
{
    const char *what = b->goal.minimize == MAE_MIN_LATENCY ? "latency" : "J";
    if (b->baseline && !b->single_is_best)
        printf("MAEG = 1 - %s(plan) / %s(%s): predicted %.1f %%, measured %.1f %%.\n", what, what, b->baseline,
               b->maeg_predicted * 100, b->maeg.median * 100);
    print_precision(b);
    if (!b->before.exists && !b->predicted.exists)
        return;
    printf("The best mix, before it was measured and after (95 %% intervals):\n");
    print_forecast("by the profile alone", &b->before);
    print_forecast("before the final rounds", &b->predicted);
    if (b->baseline && !b->single_is_best)
        printf("  %-30s MAEG %5.1f %% [%.1f, %.1f], P %.2f\n", "measured in the final rounds", b->maeg.median * 100,
               b->maeg.low * 100, b->maeg.high * 100, b->p_beats);
    else if (b->baseline && b->predicted.exists)
        printf("  %-30s P %.2f: not beyond the interval%s\n", "measured in the final rounds", b->p_beats,
               has_bounds(&b->goal) ? ", or beyond the bounds" : "");
}

/* How the prediction was brought to the machine's present speed. */
static void print_scale(const mae_bench *b)
{
    static const char *const whose[] = {"", "the single PEs now take", "what else ran in these rounds now takes"};
    if (b->scale == MAE_SCALE_NONE)
        printf("That is as profiled: nothing else ran whose speed could be compared.\n");
    else
        printf("As profiled it was %.4f ms; %s %.3f times as long as then.\n", b->predicted_ms / b->drift,
               whose[b->scale], b->drift);
}

static void print_prediction(const mae_bench *b)
{
    if (!(b->latency_ms.median > 0) || !(b->predicted_ms > 0))
        return;
    printf("Latency of the plan: predicted %.4f ms, measured %.4f ms (%+.1f %%).\n", b->predicted_ms,
           b->latency_ms.median, (b->latency_ms.median / b->predicted_ms - 1) * 100);
    print_scale(b);
}

static void print_meter(const mae_bench *b)
{
    const mae_bench_meter *m = &b->meter;
    printf("Measured by the %s meter (", m->meter);
    for (size_t i = 0; i < m->n_rails; i++)
        printf("%s%s", i ? ", " : "", m->rails[i]);
    printf("), %zu turns of %.3g ms each between idle spans; idle draw %.4g W (%s) charged for the frame's time.\n",
           m->rounds, m->span_s * 1e3, m->static_w, m->static_stated ? "stated" : "measured");
    if (m->throttled)
        printf("%sThe machine slowed itself down for its heat meanwhile.%s\n", cli_style_code(CLI_RED),
               cli_style_code(CLI_PLAIN));
}

static void print_energy(const mae_bench *b)
{
    bool modelled = b->profile->energy == MAE_ENERGY_MODEL;
    if (b->meter.measured) {
        printf("Energy of the plan: measured %.4f mJ (95 %% interval %.4f to %.4f)", b->energy_mj, b->measured_mj.low,
               b->measured_mj.high);
        if (b->predicted_mj > 0)
            printf(", predicted %.4f mJ (%+.1f %%)", b->predicted_mj, (b->energy_mj / b->predicted_mj - 1) * 100);
        printf(".\n");
        print_meter(b);
    } else if (cli_bench_has_energy(b)) {
        printf("Energy of the plan: %.4f mJ, predicted by the profile's figures%s at the measured latency.\n",
               b->energy_mj, modelled ? " (modelled: stated watts)" : "");
    }
    if (b->meter.reason)
        printf("Energy was not measured: %s.\n", b->meter.reason);
}

static void print_outputs(const mae_bench *b)
{
    if (b->unverified > 0)
        printf("Left out: %zu mixed plan%s whose outputs differed from ONNX Runtime's beyond the tolerance.\n",
               b->unverified, b->unverified == 1 ? "" : "s");
    if (b->verdict.ok)
        printf("Outputs verified against ONNX Runtime: largest error %.3g, relative %.3g (tolerance %g + %g x the "
               "output's "
               "largest).\n",
               b->verdict.max_abs, b->verdict.max_rel, b->verdict.abs_tolerance, b->verdict.rel_tolerance);
    else
        printf("%sOutputs differ from ONNX Runtime's: '%s' by %.3g, relative %.3g.%s\n", cli_style_code(CLI_RED),
               b->verdict.output ? b->verdict.output : "?", b->verdict.max_abs, b->verdict.max_rel,
               cli_style_code(CLI_PLAIN));
}

static void print_origins(const mae_bench *b)
{
    printf("%sWhole-network times: medians of %zu rounds, measured turn by turn. Layers: measured in the running\n"
           "network. Segments: measured where that stands beside them. Predictions: sums of those.\n"
           "Plans measured and planned again: %zu, in %zu race%s. Error expected of a plan not measured: %.1f %%.%s\n",
           cli_style_code(CLI_DIM), b->rounds, b->refinements, b->races, b->races == 1 ? "" : "s",
           b->predicted_error * 100, cli_style_code(CLI_PLAIN));
}

void cli_bench_print_verdict(const mae_bench *b)
{
    printf("%s", cli_style_code(CLI_BOLD));
    print_choice(b);
    printf("%s\n", cli_style_code(CLI_PLAIN));
    print_gain(b);
    print_prediction(b);
    print_energy(b);
    print_outputs(b);
    print_origins(b);
}
