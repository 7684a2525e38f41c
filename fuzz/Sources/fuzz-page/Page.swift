import Foundation
import FoundationXML
import FuzzSupport

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceReport

/// A merge's report and a search's result, as pages are drawn from them.
///
/// The page is well-formed whatever they say: that is text on it, never part of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = attempt(start, count) { bytes in
    directories.value.fill(ReportPage.mergeName, bytes)
    try check(ReportPage.mergeName)
    // Base and models are looked for where the report says.
    try check(ReportPage.mergeName) { try DimensionFigures.read($0, pattern: nil) {} }
  }
  return attempt(start, count) { bytes in
    directories.value.fill(ReportPage.searchName, bytes)
    try check(ReportPage.searchName)
  }
}

private func check(
  _ name: String,
  _ dimensions: (ReportedMerge) throws -> DimensionFigures = { _ in .missing("not asked for") }
) throws {
  let page = try ReportPage("\(directories.value.path)/\(name)", dimensions: dimensions)
  let parser = XMLParser(data: Data(page.bytes))
  precondition(parser.parse(), String(decoding: page.bytes, as: UTF8.self))
}

private let directories = Confined(MemoryDirectory())
