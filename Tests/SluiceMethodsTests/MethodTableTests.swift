import Foundation
import SluiceMethods
import Testing

@Suite("The table of methods") struct MethodTableTests {
  @Test("The documentation's table is the one that the program prints")
  func documentation() throws {
    let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      contentsOf: root.appendingPathComponent("docs/reference/methods.md"), encoding: .utf8)
    #expect(
      page.hasSuffix(MethodTable.markdown),
      "Write the output of `sluice methods --markdown` after the introduction.")
  }

  @Test("No two methods of a kind have the same name")
  func names() {
    let names = MethodTable.entries.map { "\($0.kind) \($0.name)" }
    #expect(Set(names).count == names.count)
  }

  @Test("Every method of the paper's comparison is there")
  func paper() {
    let names = Set(MethodTable.entries.map(\.name))
    let compared = [
      "dppa", "dp", "magnitude", "owl", "dare", "wanda", "sparsegpt", "none", "acl", "arxiv",
      "code", "uniform", "ties", "sum", "average", "lm-cocktail", "adamerging", "adamerging++",
      "regmean", "own-regmean", "greedy-soup",
    ]
    for name in compared { #expect(names.contains(name), "\(name)") }
  }
}
