/* The PE interface: what an engine implements so that mae can characterise, map and run on it.
 *
 * A backend is one `static const mae_backend` table in a module (a shared object) that exports
 *
 *     MAE_API const mae_backend *mae_backend_entry(void);
 *
 * `probe` lists the PEs it could open here, `open` opens one. A PE compiles segments into units; a
 * unit is bound to its buffers once and then run once per frame.
 *
 * Contract, held by the conformance suite:
 * - `supports` answers the same every time, and cheaply, but for the first time it is asked of a layer, when an
 *   engine may have to be tried. Where it says true for every layer of a segment, `compile` fails
 *   only for want of resources. "Unsupported" is an answer, not an error.
 * - Results match the reference (ONNX Runtime on the CPU) within the PE's tolerance.
 * - `run` blocks until the outputs are in their buffers, and allocates nothing of mae's own.
 * - A device that is gone answers MAE_ERR_LOST; everything else that fails, MAE_ERR_FAILED.
 * - One PE and its units are used by one thread at a time. Different PEs may be used at once.
 * - A PE that is not running a unit takes no processor time (no spinning pools).
 */
#ifndef MAE_BACKEND_H
#define MAE_BACKEND_H

#include "mae/error.h"
#include "mae/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MAE_BACKEND_ABI 4

typedef struct mae_backend mae_backend;
typedef struct mae_pe mae_pe;
typedef struct mae_unit mae_unit;

typedef struct mae_option {
    const char *key, *value;
} mae_option;

/* How to open a PE. Strings live until `open` returns. */
typedef struct mae_pe_config {
    const char *name;     /* "cpu/ort" */
    const char *resource; /* "cpu" */
    int threads;          /* > 0 */
    const int *cores;     /* n_cores processor numbers the PE's threads may use; NULL: as inherited */
    size_t n_cores;
    const mae_option *options; /* backend's own, from the SoC file */
    size_t n_options;
    const char *precision; /* "f16": what the SoC file says that it computes in; NULL: nothing */
} mae_pe_config;

/* One PE that `probe` found. Strings are static or owned by the backend. */
typedef struct mae_pe_found {
    const char *name;      /* "cpu/ort" */
    const char *resource;  /* "cpu" */
    const char *precision; /* "f32": what it computes in */
    const char *engine;    /* "ONNX Runtime 1.30.0" */
    /* Why it is used only when named, with --pes or by a SoC file; NULL: it is used. */
    const char *on_request;
} mae_pe_found;

/* How the values of a buffer lie. Shapes are the logical ones whatever the layout. Blocked layouts are those
 * that convolutions on CPUs compute in: the channels (dimension 1 of 4) in blocks, a block's channels side by
 * side, n, c / B, h, w, c % B. Only static f32 tensors whose channels are a multiple of B have them, so
 * nothing is padded and the size is that of the dense tensor. */
typedef enum mae_layout {
    MAE_LAYOUT_DENSE = 0, /* row-major, without gaps */
    MAE_LAYOUT_BLOCKED8,
    MAE_LAYOUT_BLOCKED16
} mae_layout;

/* Sets of layouts. The dense one is always understood and need not be in them. */
#define MAE_LAYOUT_BIT(layout) (1u << (layout))

/* One tensor's memory on one PE. Host-memory PEs have `host` set and `device` NULL. `bytes` is the
 * capacity; for a tensor whose shape is not static `shape` holds the actual one after a run and the
 * producing unit may replace `host` (through mae_buffer_reserve of the core, passed in `grow`). */
typedef struct mae_buffer {
    int tensor; /* index in the graph */
    mae_shape shape;
    size_t bytes;
    void *host;   /* aligned to 64 bytes, NULL when the memory is not visible to the host */
    void *device; /* the PE's own handle */
    mae_error *(*grow)(struct mae_buffer *buffer, size_t bytes); /* dynamic tensors only, else NULL */
    mae_layout layout;                                           /* settled before the buffer is bound */
} mae_buffer;

/* How the tensors at the border of a unit lie: one entry per input and output of its segment. */
typedef struct mae_borders {
    const mae_layout *inputs; /* each dense, or one the PE understands */
    const unsigned *offers;   /* per output: the layouts that all who read it understand */
    mae_layout *outputs;      /* dense when handed in; the PE writes which of the offered ones it has taken */
} mae_borders;

/* Where the time of a timed unit went, means over the runs counted, nanoseconds.
 * Arrays are the caller's, with as many entries as the segment has layers, inputs and outputs. */
typedef struct mae_layer_times {
    double *layer_ns;  /* computing, per layer of the segment */
    double *input_ns;  /* bringing an input into the engine's layout */
    double *output_ns; /* bringing an output out of it */
    double other_ns;   /* the rest of a run: dispatch, bookkeeping */
    double total_ns;   /* whole runs; the sum of all of the above */
    size_t runs;       /* how many runs were counted */
} mae_layer_times;

typedef enum mae_compile_flags {
    MAE_COMPILE_TIMED = 1 /* keep per-layer times for `layer_ns`; the unit may run slower */
} mae_compile_flags;

typedef struct mae_pe_ops {
    /* Can this PE run this layer? If not and ret_reason is not NULL, it gets a string that lives as long as the PE. */
    bool (*supports)(mae_pe *pe, const mae_graph *graph, int layer, const char **ret_reason);

    /* Compiles a segment, all of whose layers the PE supports. `graph` outlives the unit. */
    mae_error *(*compile)(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                          mae_unit **ret_unit);

    /* Fixes the buffers of the unit: one per input and output of its segment, in their order. Called
     * before the first run, and again whenever buffers change. */
    mae_error *(*bind)(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs);

    mae_error *(*run)(mae_unit *unit);
    void (*discard)(mae_unit *unit); /* takes NULL */
    void (*close)(mae_pe *pe);       /* takes NULL; all units discarded before */

    /* -- optional: NULL means what stands behind the arrow -- */

    /* Memory of a buffer's `bytes`. -> host memory, 64-byte aligned. All four or none. */
    mae_error *(*alloc)(mae_pe *pe, mae_buffer *buffer);
    void (*release)(mae_pe *pe, mae_buffer *buffer);
    mae_error *(*read)(mae_pe *pe, const mae_buffer *buffer, void *host);
    mae_error *(*write)(mae_pe *pe, mae_buffer *buffer, const void *host);

    /* Times of the runs so far of a unit compiled with MAE_COMPILE_TIMED, the first `skip` runs left
     * out. Ends the timing: call once, after the last run. -> differences of interval runs. */
    mae_error *(*layer_ns)(mae_unit *unit, size_t skip, mae_layer_times *times);

    /* Sets the device to one of its operating points, by the name that the SoC file gives it; what was
     * compiled stays valid. NULL for `level`: as it was when the PE was opened. -> what the SoC file says
     * of the level is written into sysfs. */
    mae_error *(*set_level)(mae_pe *pe, const char *level);

    /* The layouts beside the dense one in which this PE can take and give tensors at the borders of its
     * units, as a set of MAE_LAYOUT_BIT(). Host memory only. -> none. */
    unsigned (*layouts)(mae_pe *pe);

    /* Like `compile`, the tensors at the border lying as `borders` says. Taking an input is a must, even if
     * the unit has to reorder it; giving an output in another layout than the dense one is done where it
     * saves a reordering. With `layouts` or not at all. */
    mae_error *(*compile_laid)(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                               const mae_borders *borders, mae_unit **ret_unit);
} mae_pe_ops;

/* What every backend's PE begins with. */
struct mae_pe {
    const mae_pe_ops *ops;
    const mae_backend *backend;
    double abs_tolerance; /* outputs may differ from the reference by abs + rel * |reference| */
    double rel_tolerance;
};

/* What every backend's unit begins with. */
struct mae_unit {
    mae_pe *pe;
};

struct mae_backend {
    unsigned abi;     /* MAE_BACKEND_ABI */
    const char *name; /* "ort" */

    /* Lists the PEs that can be opened here; opens nothing. The list is the backend's, static. An
     * error says why there are none ("no OpenCL device"). */
    mae_error *(*probe)(const mae_pe_found **ret_found, size_t *ret_n);
    mae_error *(*open)(const mae_pe_config *config, mae_pe **ret_pe);

    /* A service beyond PEs, for who knows its name; NULL if there is none. */
    const void *(*service)(const char *name);
};

typedef const mae_backend *mae_backend_entry_fn(void);

/* ---- Services known by name ---- */

/* A PE whose machine has its own time (a virtual SoC): everything that is timed on it is timed by this
 * clock. `mae_backend.service(MAE_CLOCK_SERVICE)` gives a const mae_clock_service *; a backend without it
 * lives by the time of this machine. All PEs of one machine have one clock. */
#define MAE_CLOCK_SERVICE "mae.clock/1"

/* Called by the clock at the instant asked for, `now_ns`, when the machine's meters show what they showed
 * at that instant. Returns the next instant it wants to be called at, later than now; UINT64_MAX: never
 * again. It must not run, wait or set an alarm on the PE. */
typedef uint64_t mae_clock_alarm(void *ctx, uint64_t now_ns);

typedef struct mae_clock_service {
    uint64_t (*now_ns)(mae_pe *pe);

    /* Lets time pass in which this thread asks nothing of the machine. */
    void (*wait_ns)(mae_pe *pe, uint64_t ns);

    /* A clock that moves only when something runs or waits (a virtual one) calls `alarm` at `first_ns` and
     * then as the alarm says, on the thread that makes time pass; one alarm per machine, NULL ends it.
     * False: this clock passes by itself, and who wants to look at an instant sleeps until then. */
    bool (*set_alarm)(mae_pe *pe, uint64_t first_ns, mae_clock_alarm *alarm, void *ctx);
} mae_clock_service;

/* A backend that keeps weights and activations elsewhere than in malloc's memory says what they take: bytes of all of its
 * units together. `mae_backend.service(MAE_MEMORY_SERVICE)` gives a const mae_memory_service *. */
#define MAE_MEMORY_SERVICE "mae.memory/1"

typedef struct mae_memory_service {
    size_t (*held)(void);
} mae_memory_service;

/* What a machine that is computed offers beside its clock: to who plays a script on it, and to who calls its PEs from
 * several threads. */
#define MAE_VIRTUAL_SERVICE "mae.virtual/2"

typedef struct mae_virtual_service {
    bool (*is_virtual)(mae_pe *pe); /* its clock moves only when something runs or waits; else the rest is of no use */

    /* Counts the work in hand: time stands still while fewer threads are inside runs and waits than that. */
    void (*hold)(mae_pe *pe, int change);
    /* Waits until `done` says true, which it says again when this returns, or for so long: false. `done` is asked
     * with the machine locked; the thread that makes it true calls hold(pe, -1) afterwards. */
    bool (*wait_for)(mae_pe *pe, uint64_t ns, bool (*done)(void *ctx), void *ctx);

    double (*energy_mj)(mae_pe *pe);             /* of all rails, since the machine was made */
    void (*set_pace)(mae_pe *pe, double factor); /* on all times from now on */
    void (*set_ambient)(mae_pe *pe, double celsius);

    /* PEs of one group (from 1 to how many PEs there are; 0: none) pass frames on to each other, several of which are
     * under way: whoever brings a tensor brings the next frame's, however many have been made meanwhile. Also of a
     * clock that passes by itself. False: there are not so many groups, or no memory. */
    bool (*set_group)(mae_pe *pe, int group);
} mae_virtual_service;

#ifdef __cplusplus
}
#endif
#endif
