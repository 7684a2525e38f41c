import SluiceTestSupport
import Testing

@testable import SluiceAdapters

@Suite("Patterns of adapter configs") struct PatternTests {
  private func table(_ patterns: [String]) throws -> PatternTable<Int> {
    var table = PatternTable<Int>()
    for (value, pattern) in patterns.enumerated() { try table.append(pattern, value) }
    return table
  }

  private func value(_ name: String, _ patterns: String...) throws -> Int? {
    var steps = 0
    return try table(patterns).value(of: name, steps: &steps)
  }

  @Test("A pattern matches the end of a name, from its beginning or from behind a dot")
  func ends() throws {
    let name = "model.layers.10.self_attn.q_proj"
    for pattern in [
      "q_proj", "self_attn.q_proj", name, "q.proj", "(q|k)_proj", "[^k]_proj", #"layers\.\d+\..*"#,
      #"layers\.1[0-9]?\.self_attn\..+"#, "^model.*", "q_proj$", "q_pro{1}j", "[a-z]_proj",
      "(?:x|self_attn.q_proj)", #"\w+_proj"#, ".*",
    ] { #expect(try value(name, pattern) == 0, "\(pattern)") }
    for pattern in [
      "_proj", "proj", "k_proj", "q_pro", "model", #"layers\.1\..*"#, "^layers.*", "q_proj_",
      "[^q]_proj", "(k|v)_proj", "q_proj{2}",
    ] { #expect(try value(name, pattern) == nil, "\(pattern)") }
  }

  @Test("The first pattern of the file counts")
  func order() throws {
    #expect(try value("layers.0.q_proj", "k_proj", ".*q_proj", "q_proj") == 1)
    #expect(try value("layers.0.q_proj", "q_proj", ".*q_proj") == 0)
  }

  @Test(
    "What is not understood is refused",
    arguments: [
      "(?=a)", "(?P<x>a)", "(a", "a)", "[a", "a**", "*a", #"\b"#, #"(a)\1"#, "a{9,2}", "a\\",
    ])
  func refusals(pattern: String) {
    #expect(throws: PatternParser.Refusal.self) { try PatternParser.compile(pattern) }
  }

  @Test(
    "A pattern that grows without end is refused, or read, in no time",
    arguments: [
      "(((a{1000}){1000}){1000}){1000}", "((((){1000}){1000}){1000}){1000}",
      String(repeating: "(", count: 5000), String(repeating: "a?", count: 3000),
    ])
  func growth(pattern: String) {
    #expect(throws: PatternParser.Refusal.self) { try PatternParser.compile(pattern) }
  }

  @Test("Nested repetitions take time in proportion to the name")
  func explosion() throws {
    let name = String(repeating: "a", count: 2000) + "!"
    var steps = 0
    #expect(try table(["(a*)*b", "(a|a)*c", "(.*a){20}d"]).value(of: name, steps: &steps) == nil)
    #expect(steps < 2001 * 3 * 400)
  }
}
