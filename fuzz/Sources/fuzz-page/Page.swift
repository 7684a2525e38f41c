import FuzzSupport

@testable import SluiceReport

/// A merge's report and a search's result, as pages are drawn from them.
///
/// The page is well-formed whatever they say: that is text on it, never part of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = attempt(start, count) { bytes in
    directories.value.fill(ReportPage.mergeName, bytes)
    try check(ReportPage.mergeName, .none)
    // Base and models are looked for where the report says.
    try check(ReportPage.mergeName, .mostSignificant)
  }
  return attempt(start, count) { bytes in
    directories.value.fill(ReportPage.searchName, bytes)
    try check(ReportPage.searchName, .none)
  }
}

private func check(_ name: String, _ dimensions: ReportPage.Dimensions) throws {
  let page = try ReportPage("\(directories.value.path)/\(name)", dimensions: dimensions)
  precondition(isWellFormed(page.bytes), String(decoding: page.bytes, as: UTF8.self))
}

/// Whether every element ends where it may, and no quote, tag or entity is left open.
private func isWellFormed(_ bytes: [UInt8]) -> Bool {
  guard String(validating: bytes, as: UTF8.self) != nil else { return false }
  var open: [ArraySlice<UInt8>] = []
  var rest = bytes[...]
  while let first = rest.popFirst() {
    if first == UInt8(ascii: "&") {
      guard let end = rest.firstIndex(of: UInt8(ascii: ";")), end - rest.startIndex <= 6 else {
        return false
      }
    }
    if first < 0x20, first != UInt8(ascii: "\n") { return false }
    guard first == UInt8(ascii: "<") else { continue }
    let isEnd = rest.first == UInt8(ascii: "/")
    if isEnd { rest.removeFirst() }
    let name = rest.prefix { !" />".utf8.contains($0) }
    rest = rest.dropFirst(name.count)
    var (isQuoted, isEmpty) = (false, false)
    while let next = rest.popFirst() {
      if next == UInt8(ascii: "\"") { isQuoted.toggle() }
      if next == UInt8(ascii: "<") { return false }
      if !isQuoted, next == UInt8(ascii: ">") { break }
      isEmpty = next == UInt8(ascii: "/")
      if rest.isEmpty { return false }
    }
    if isEnd {
      guard open.popLast() == name else { return false }
    } else if !isEmpty, name.first != UInt8(ascii: "!") {
      open.append(name)
    }
  }
  return open.isEmpty
}

/// libFuzzer calls from one thread.
private struct Confined: @unchecked Sendable { let value = MemoryDirectory() }
private let directories = Confined()
