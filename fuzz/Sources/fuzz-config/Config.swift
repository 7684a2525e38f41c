import FuzzSupport
@testable import SluiceFormats

/// A config.json: what can be read can be changed, and is then still what it was but for the change.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfig(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    var object = try TopLevelObject(Array(bytes))
    let before = object
    object.set("vocab_size", to: .integer(7))
    object.set("torch_dtype", to: .string("a\"\n\\"))
    let again: TopLevelObject
    do { again = try TopLevelObject(object.bytes) } catch { fatalError("\(error)") }
    precondition(again.integer("vocab_size") == 7 && again.string("torch_dtype") == "a\"\n\\")
    for key in before.keys where key != "vocab_size" && key != "torch_dtype" {
      precondition(again[key] == before[key] || "\(again[key] as Any)" == "\(before[key] as Any)")
    }
  }
}
