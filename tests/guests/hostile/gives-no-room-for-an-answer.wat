;; Its allocator returns an address outside of its memory.
(module
  (import "windlass:plugin/rendering@0.1.0" "[method]request.config" (func $config (param i32 i32)))
  (import "windlass:plugin/rendering@0.1.0" "[resource-drop]request" (func $drop-request (param i32)))
  (import "windlass:plugin/rendering@0.1.0" "[resource-drop]sink" (func $drop-sink (param i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const -8))
  (func (export "windlass:plugin/render@0.1.0#render") (param $request i32) (param $out i32) (result i32)
    (call $config (local.get $request) (i32.const 16))
    (call $drop-request (local.get $request))
    (call $drop-sink (local.get $out))
    (i32.const 8)
  )
)
