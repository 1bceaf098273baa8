# Sourced: a folder in which the documents' commands find what they name, and how they are run there.
n_run=0
n_skipped=0
: >skipped

# mae with little time, whatever is written (a virtual clock costs none, and meters want theirs); everything else as it
# stands.
mkdir -p bin prepared
cat >bin/mae <<END
#!/bin/sh
command=\${1:-}
case "\$*" in *"--soc tour/"*) exec "$MAE_PROGRAM" "\$@" ;; esac
budget= race= frames= scenario= help=
for word; do
    shift
    case \$word in
    --budget) budget=1 ;;
    --race) race=1 ;;
    -n | --frames) frames=1 ;;
    --scenario) scenario=1 ;;
    --help) help=1 ;;
    esac
    case \$last in --budget | --race) word=1 ;; -n | --frames) word=5 ;; esac
    last=\$word
    set -- "\$@" "\$word"
done
[ "\$help" ] || case \$command in
profile) [ "\$budget" ] || set -- "\$@" --budget 1 ;;
bench) [ "\$budget" ] || set -- "\$@" --budget 1; [ "\$race" ] || set -- "\$@" --race 1 ;;
stream) [ "\$scenario\$frames" ] || set -- "\$@" --frames 5 ;;
esac
exec "$MAE_PROGRAM" "\$@"
END
# Where packages are installed and systems are changed, this only asks whether make knows what to do.
cat >bin/make <<END
#!/bin/sh
exec $(command -v make) -s -n -C "$MAE_SOURCE_DIR" "\$@"
END
chmod +x bin/mae bin/make

"$MAE_PROGRAM" pes --write board.json >out 2>err || fail "mae pes --write"
sed 's/"backend":/"watts": 5, "backend":/' board.json >prepared/board.json
"$MAE_PROGRAM" profile "$models/tiny.onnx" --soc prepared/board.json --budget 1 -o prepared/model.profile.json >out 2>err ||
    fail "mae profile"
"$MAE_PROGRAM" plan prepared/model.profile.json -o prepared/model.plan.json >out 2>err || fail "mae plan"
net=$MAE_SOURCE_DIR/examples/profiles/xavier-agx-googlenet.json
"$MAE_PROGRAM" plan "$net" -o prepared/net.plan.json --front prepared/net.front.json >out 2>err || fail "mae plan"
sed "s,\"\.\./,\"$MAE_SOURCE_DIR/examples/,; s,\"rules\.txt\",\"$MAE_SOURCE_DIR/examples/quadcopter/rules.txt\"," \
    "$MAE_SOURCE_DIR/examples/quadcopter/scenario.json" >prepared/flight.json
"$MAE_PROGRAM" stream --scenario prepared/flight.json --compare --json >prepared/flight.result.json 2>err || fail "mae stream"
cat >prepared/rules.txt <<END
obstacle: least latency
otherwise: least latency under 33 ms
END

# What the reader is supposed to have.
fresh_folder() {
    rm -rf scratch
    mkdir -p scratch/build scratch/frames
    cp -r "$MAE_SOURCE_DIR/examples" scratch/
    ln -s "$work/bin/mae" scratch/build/mae
    ln -s "$MAE_BUILD_DIR/backends" "$MAE_BUILD_DIR/tests" scratch/build/
    cp "$models/tiny.onnx" scratch/model.onnx
    cp "$models/dynamic.onnx" scratch/det.onnx
    cp "$images/gradient.jpg" scratch/photo.jpg
    cp "$images/gradient.png" scratch/page.png
    cp prepared/rules.txt scratch/
    cp prepared/board.json prepared/model.profile.json prepared/model.plan.json scratch/
    cp prepared/board.json scratch/board.soc.json
    cp prepared/model.profile.json scratch/old.json
    cp prepared/net.plan.json prepared/net.front.json prepared/flight.json prepared/flight.result.json scratch/
    cp "$net" scratch/net.profile.json
    dronet=$MAE_SOURCE_DIR/../shared/models/dronet
    if [ -f "$dronet/model.onnx" ]; then
        cp "$dronet/model.onnx" scratch/dronet.onnx
        cp "$dronet/test_data_set_0/input_0.pb" scratch/frames/0.pb
    fi
}

# A network whose shape is asked for has to leave it open; a SoC file that was just written is completed by hand.
before_command() {
    case $1 in
    *--shape*) cp "$models/dynamic.onnx" scratch/model.onnx ;;
    *) cp "$models/tiny.onnx" scratch/model.onnx ;;
    esac
}
after_command() {
    case $1 in
    *" pes --write "*) written=${1##* --write } && cp prepared/board.json "scratch/${written%% *}" ;;
    esac
}

# run_list PAGE: lines of commands.awk on standard input, one shell for each page's variables.
run_list() {
    : >variables
    while IFS=$separator read -r line reason command; do
        case $command in
        *dronet.onnx*) [ -f scratch/dronet.onnx ] || reason=${reason:-no trained networks here} ;;
        esac
        if [ -n "$reason" ]; then
            n_skipped=$((n_skipped + 1))
            echo "  $1:$line: $command: $reason" >>skipped
            continue
        fi
        [ -z "${each_alone:-}" ] || fresh_folder
        before_command "$command"
        status=0
        (
            cd scratch
            unset -f mae # lib.sh's
            PATH=$work/bin:$MAE_BUILD_DIR:$PATH
            export PATH
            eval "$(cat ../variables)"
            eval "$command"
        ) >out 2>err </dev/null || status=$?
        [ $status -eq 0 ] || fail "$1:$line: $command: exit status $status"
        case $command in export\ *) echo "$command" >>variables ;; esac
        after_command "$command"
        n_run=$((n_run + 1))
    done
}
separator=$(printf "\037")
