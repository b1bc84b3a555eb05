;; An instruction that always fails.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    unreachable
  )
)
