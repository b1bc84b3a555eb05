;; Uses a handle that it was never given.
(module
  (import "windlass:plugin/rendering@0.1.0" "[method]request.tree" (func $tree (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    (drop (call $tree (i32.const 4242)))
    unreachable
  )
)
