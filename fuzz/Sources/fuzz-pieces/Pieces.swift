import FuzzSupport
@testable import SluiceArchitecture

/// The vocabulary of sentencepiece, and what `tokenizer_config.json` adds to it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPieces(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let text = Array(bytes)
    if text.first == 0x7B {
      var table = try TokenTable(tokenizer: Array("{}".utf8))
      try table.addConfig(text, "tokenizer_config.json")
      precondition(table.count <= table.tokens.count)
      return
    }
    let table = try TokenTable(pieces: text)
    // Each piece takes at least two bytes of field and two of text.
    precondition(table.count == table.tokens.count && table.count * 2 <= text.count)
  }
}
