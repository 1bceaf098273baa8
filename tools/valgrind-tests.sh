# What tools/valgrind.sh runs, to be sourced: tests that are about memory or readers, and short enough under memcheck
# (some fifty times slower). Left out are those that are about time, races and drivers' caches; and rounds/opencl, to be named (with SECONDS_EACH=7200): PoCL compiles
# kernels with LLVM, which takes longer than half an hour under memcheck.
valgrind_tests="
unit/test_base unit/test_json unit/test_compare unit/test_gauge
unit/test_onnx_read unit/test_onnx_write unit/test_import_models unit/test_import_layers
unit/test_plan_file unit/test_plan_boards unit/test_plan_recorded unit/test_profile_read unit/test_profile_merge
unit/test_soc_read unit/test_soc_examples unit/test_policy_rules unit/test_policy_scenario
unit/test_program unit/test_program_layout unit/test_overlap unit/test_levels unit/test_places unit/test_trace
unit/test_sim_values unit/test_sim_overlap unit/test_sim_faults unit/test_ort_errors
fuzz/test_replay fuzz/test_replay_inputs
cli/test_args cli/test_npy cli/test_pb cli/test_mapping cli/test_image cli/test_control
fault/test_lost
rounds/ort rounds/onednn rounds/xnnpack"
