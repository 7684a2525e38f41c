import SluiceArchitecture
import Testing

@Suite("Patterns of names") struct GlobTests {
  @Test(
    "patterns match whole names",
    arguments: [
      ("*", "", true), ("a*", "abc", true), ("*c", "abc", true), ("a*c", "abc", true),
      ("a*b*c", "aXbYc", true), ("ab*bc", "abc", false), ("abc", "abc", true), ("ab", "abc", false),
      ("*.up.*", "layers.1.up.weight", true), ("**", "x", true),
    ])
  func patterns(pattern: String, text: String, expected: Bool) {
    #expect(Glob.matches(pattern: pattern, text) == expected)
  }
}
