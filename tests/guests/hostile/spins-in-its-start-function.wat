;; Never gets as far as to be called.
(module
  (import "windlass:plugin/rendering@0.1.0" "[resource-drop]request" (func $drop-request (param i32)))
  (import "windlass:plugin/rendering@0.1.0" "[resource-drop]sink" (func $drop-sink (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func $start (loop $again (br $again)))
  (start $start)
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    (call $drop-request (local.get $request))
    (call $drop-sink (local.get $out))
    (i32.const 8)
  )
)
