;; Nine memories, each of which grows a MiB at a time: no single one is large.
(module
  (memory (export "memory") 1)
  (memory $m1 1)
  (memory $m2 1)
  (memory $m3 1)
  (memory $m4 1)
  (memory $m5 1)
  (memory $m6 1)
  (memory $m7 1)
  (memory $m8 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    (block $refused
      (loop $again
        (br_if $refused (i32.eq (memory.grow $m1 (i32.const 16)) (i32.const -1)))
        (br_if $refused (i32.eq (memory.grow $m2 (i32.const 16)) (i32.const -1)))
        (br_if $refused (i32.eq (memory.grow $m3 (i32.const 16)) (i32.const -1)))
        (br_if $refused (i32.eq (memory.grow $m4 (i32.const 16)) (i32.const -1)))
        (br_if $refused (i32.eq (memory.grow $m5 (i32.const 16)) (i32.const -1)))
        (br_if $refused (i32.eq (memory.grow $m6 (i32.const 16)) (i32.const -1)))
        (br_if $refused (i32.eq (memory.grow $m7 (i32.const 16)) (i32.const -1)))
        (br_if $refused (i32.eq (memory.grow $m8 (i32.const 16)) (i32.const -1)))
        (br $again)))
    unreachable
  )
)
