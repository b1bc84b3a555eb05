;; Drops what it has dropped.
(module
  (import "windlass:plugin/rendering@0.1.0" "[resource-drop]request" (func $drop-request (param i32)))
  (import "windlass:plugin/rendering@0.1.0" "[resource-drop]sink" (func $drop-sink (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    (call $drop-request (local.get $request))
    (call $drop-request (local.get $request))
    unreachable
  )
)
