;; Calls itself without an end. It keeps nothing in its own memory, so that it is the wasm stack that ends.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func $deeper (param i64 i64 i64 i64) (result i64)
    (i64.add
      (local.get 3)
      (call $deeper (local.get 1) (local.get 2) (local.get 3) (i64.add (local.get 0) (i64.const 1)))))
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    (drop (call $deeper (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))
    unreachable
  )
)
