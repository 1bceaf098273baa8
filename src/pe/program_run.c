/* Frames. Nothing here allocates, formats, locks or asks the system for anything but the time. */
#include "pe/program_run.h"

#include "base/clock.h"
#include "pe/program_impl.h"

/* ---- recording ---- */

mae_error *mae_program_record(mae_program *program, mae_recorder *recorder, const char *const *resources,
                              const char *const *names, const char *of)
{
    int text = -1;
    program->recorder = NULL;
    if (recorder && of)
        MAE_TRY(mae_recorder_text(recorder, of, &text));
    for (size_t i = 0; recorder && i < program->n_parts; i++) {
        int pe = program->parts[i].pe;
        MAE_TRY(mae_recorder_track(recorder, resources[pe], names[pe], &program->parts[i].track));
    }
    program->recorder = recorder;
    program->recorder_text = text;
    return NULL;
}

uint64_t mae_program_next_frame(const mae_program *program)
{
    return program->recorder ? mae_recorder_next_frame(program->recorder) : 0;
}

uint64_t mae_program_now_ns(const mae_program *program)
{
    return program->clock.now_ns ? program->clock.now_ns(program->clock.ctx) : mae_clock_now_ns();
}

static mae_recorder_span span_from(const mae_program *program, const mae_program_part *part, uint64_t frame,
                                   uint64_t begin_ns)
{
    return (mae_recorder_span){part->track, frame, begin_ns, mae_program_now_ns(program), program->recorder_text};
}

/* ---- running ---- */

static mae_error *make_move(const mae_program *program, const mae_program_part *part, const mae_program_move *move,
                            bool to_pe, uint64_t frame)
{
    uint64_t begin = program->recorder ? mae_program_now_ns(program) : 0;
    MAE_TRY(to_pe ? move->pe->ops->write(move->pe, move->own, move->host->host)
                  : move->pe->ops->read(move->pe, move->own, move->host->host));
    if (program->recorder) {
        mae_recorder_span span = span_from(program, part, frame, begin);
        mae_recorder_move(program->recorder, &span, move->host->tensor, to_pe);
    }
    return NULL;
}

static mae_error *run_part(const mae_program *program, const mae_program_part *part, uint64_t frame)
{
    for (size_t i = 0; i < part->n_writes; i++)
        MAE_TRY(make_move(program, part, &part->writes[i], true, frame));
    MAE_TRY(program->pes[part->pe]->ops->run(part->unit));
    for (size_t i = 0; i < part->n_reads; i++)
        MAE_TRY(make_move(program, part, &part->reads[i], false, frame));
    return NULL;
}

mae_error *mae_program_run_segment(mae_program *program, size_t segment, uint64_t frame, mae_program_stamp *stamp)
{
    const mae_program_part *part = &program->parts[segment];
    uint64_t begin = stamp || program->recorder ? mae_program_now_ns(program) : 0;
    mae_error *error = run_part(program, part, frame);
    if (error)
        return mae_program_blame(program, segment, error);
    if (!stamp && !program->recorder)
        return NULL;
    mae_recorder_span span = span_from(program, part, frame, begin);
    if (program->recorder)
        mae_recorder_segment(program->recorder, &span, part->segment.first, part->segment.last);
    if (stamp)
        *stamp = (mae_program_stamp){span.begin_ns, span.end_ns};
    return NULL;
}

/* Segments that follow one another on one cluster: there in one go, rather than there and back for each. */
typedef struct stretch {
    mae_program *program;
    size_t first, end;
    uint64_t frame;
    mae_program_stamp *stamps;
    mae_error *error;
} stretch;

static void run_stretch(void *ctx)
{
    stretch *s = ctx;
    for (size_t i = s->first; i < s->end && !s->error; i++)
        s->error = mae_program_run_segment(s->program, i, s->frame, s->stamps ? &s->stamps[i] : NULL);
}

mae_error *mae_program_run(mae_program *program, mae_program_stamp *stamps)
{
    stretch s = {.program = program, .frame = mae_program_next_frame(program), .stamps = stamps};
    for (s.first = 0; s.first < program->n_parts && !s.error; s.first = s.end) {
        mae_bound_thread *thread = program->parts[s.first].thread;
        s.end = s.first + 1;
        while (s.end < program->n_parts && program->parts[s.end].goes_on)
            s.end++;
        if (thread)
            mae_bound_thread_call(thread, run_stretch, &s);
        else
            run_stretch(&s);
    }
    return s.error;
}

bool mae_program_depends(const mae_program *program, size_t reader, size_t maker)
{
    const mae_segment *segment = &program->parts[reader].segment;
    for (size_t k = 0; k < segment->n_inputs; k++)
        if (program->slots[program->slot_of[segment->inputs[k]]].producer == (int)maker)
            return true;
    return false;
}
