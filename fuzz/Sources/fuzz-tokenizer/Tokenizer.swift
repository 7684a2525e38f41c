import FuzzSupport
@testable import SluiceArchitecture

/// The vocabulary of a tokenizer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokenizer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let table = try TokenTable(tokenizer: Array(bytes))
    precondition(table.count <= table.tokens.count)
    let same = VocabularyComparison(table, with: table)
    precondition(same.common == table.count && same.differing == 0)
    precondition(same.added == 0 && same.missing == 0)
  }
}
