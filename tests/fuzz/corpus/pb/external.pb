j
locationw.bin