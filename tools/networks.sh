# The networks that benchmarks run, to be sourced: `for_each_network WHAT` calls WHAT NAME MODEL OPTION... for each that is
# here and, if the script was given names, among those. MAE_NETWORKS adds .onnx files of one's own.
wanted=" $* "
shared=../shared/models

one_network() { # what, name, model, further options
    what=$1 name=$2 model=$3
    shift 3
    case $wanted in "  " | *" $name "*) ;; *) return 0 ;; esac
    [ -f "$model" ] || { echo "$name: skipped, $model is not here" >&2; return 0; }
    $what "$name" "$model" "$@"
}

for_each_network() {
    one_network "$1" ppocrv4_det demo/models/ppocrv4_det.onnx --shape x=1,3,384,768
    one_network "$1" ppocrv4_rec demo/models/ppocrv4_rec.onnx --shape x=1,3,48,320
    one_network "$1" ppocrv4_cls demo/models/ppocrv4_cls.onnx --shape x=1,3,48,192
    one_network "$1" blazeface demo/models/blazeface.onnx
    one_network "$1" dronet $shared/dronet/model.onnx
    one_network "$1" fastestdet $shared/fastestdet/model.onnx
    one_network "$1" mlsd_tiny demo/models/mlsd_tiny.onnx
    for net in ${MAE_NETWORKS:-}; do
        one_network "$1" "$(basename "$net" .onnx)" "$net"
    done
}
