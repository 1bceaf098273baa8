# Files that state far more than they hold: refused for what they state, before memory is asked for. Each runs with less
# memory than the file says it needs, and is told why in one line; running out of memory would be exit status 1.
set -eu
. "$MAE_SOURCE_DIR/tests/cli/lib.sh"
need_pe cpu/ort
if grep -q '^MAE_SANITIZE:STRING=.' "$MAE_BUILD_DIR/CMakeCache.txt"; then
    echo "skipped: sanitizers reserve all memory there is"
    exit 77
fi
cp "$models/tiny.onnx" .
most_kib=6000000 # of address space: engines reserve much and use little

# refuses FILE WORDS ARGUMENT...: exit status 3 and these words.
refuses() {
    file=$1 words=$2
    shift 2
    status=0
    (ulimit -v $most_kib && exec "$MAE_PROGRAM" "$@") >out 2>err </dev/null || status=$?
    ran="mae $* ($file)"
    [ $status -eq 3 ] || fail "$ran: exit status $status"
    says "$words"
}

# The limit bites, and what is no lie runs within it.
if (ulimit -v 20000 && exec "$MAE_PROGRAM" run tiny.onnx) >out 2>err; then fail "there is no limit on memory here"; fi
(ulimit -v $most_kib && exec "$MAE_PROGRAM" run tiny.onnx) >out 2>err || fail "too little memory for the engines"

# .npy: 1 x 3 x 60000 x 60000 floats, 43 GB, and 4 bytes.
header="{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 60000, 60000), }"
printf '\223NUMPY\001\000\166\000%-117s\nabcd' "$header" >large.npy
refuses large.npy "large.npy: holds 4 bytes of data" run tiny.onnx --input large.npy
# ... and a shape whose size does not fit into 64 bits.
header="{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }"
printf '\223NUMPY\001\000\166\000%-117s\nabcd' "$header" >endless.npy
refuses endless.npy "endless.npy: holds 4 bytes of data" run tiny.onnx --input endless.npy

# A tensor of 2^40 floats, of which it has one: dims, data_type, raw_data.
printf '\010\200\200\200\200\200\040\020\001\112\004abcd' >large.pb
refuses large.pb "large.pb: holds 4 bytes of data" run tiny.onnx --input large.pb

# A PNG of 60000 x 60000 pixels (its signature, IHDR and an empty IDAT, the check sums right), and a JPEG of 65000 x 65000
# (a frame and the begin of a scan).
printf '\211PNG\r\n\032\n\000\000\000\015IHDR\000\000\352\140\000\000\352\140\010\002\000\000\000\017\260\342\025' >large.png
printf '\000\000\000\000IDAT\065\257\006\036' >>large.png
refuses large.png "large.png: an image of 60000 x 60000 pixels is not supported" run tiny.onnx --input large.png
printf '\377\330\377\300\000\021\010\375\350\375\350\003\001\021\000\002\021\001\003\021\001' >large.jpg
printf '\377\332\000\014\003\001\000\002\000\003\000\000\077\000\377\331' >>large.jpg
refuses large.jpg "large.jpg: an image of 65000 x 65000 pixels is not supported" run tiny.onnx --input large.jpg

# A model whose weight states 2^40 floats and has one: within the file ...
tensor='\010\200\200\200\200\200\040\020\001\102\001w'
node='\012\017\012\001w\022\001y\042\007Softmax' # y = Softmax(w)
output='\142\003\012\001y'
rest='\102\002\020\015' # opset 13
printf '\010\010\072\055\052\022'"$tensor"'\112\004abcd'"$node$output"'\022\001g'"$rest" >large.onnx
refuses large.onnx 'initializer "w": 4 bytes of values' run large.onnx
# ... and in a file beside it (external_data: location = w.bin; data_location 1).
printf abcd >w.bin
entry='\012\010location\022\005w.bin'
printf '\010\010\072\074\052\041'"$tensor"'\152\021'"$entry"'\160\001'"$node$output"'\022\001g'"$rest" >beside.onnx
refuses beside.onnx "do not lie within" run beside.onnx
