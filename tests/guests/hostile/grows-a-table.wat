;; Tables are kept on the host, eight bytes an element.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (table $t 1 funcref)
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    (block $refused
      (loop $again
        (br_if $refused (i32.eq (table.grow $t (ref.null func) (i32.const 100000)) (i32.const -1)))
        (br $again)))
    unreachable
  )
)
