import Foundation
import SluiceCore
import SluiceFormats
import SluiceRun
import SluiceTestSupport
import Testing

@testable import SluiceReport

/// Pages about searches, and about files that are not what they should be.
@Suite("Pages of searches") struct SearchPageTests {
  private static let result = """
    {"version": 1, "evaluator": "score '<b>' & {model}", "prune": "dppa", "strategy": "paper", "step": 0.1,
     "bound": 2.0, "later": {"unknown": [1, 2]},
     "models": [{"name": "m<i>", "method": "1", "partitionRates": [0.9, 0.8], "factors": [1.1, 1.0],
      "domainRatio": 0.97, "dense": {"a]]>": 0.5},
      "trajectory": [
       {"method": "1", "factors": [1.0, 0.0], "tasks": {"a]]>": 0.25}, "domainRatio": 0.5, "seconds": 2},
       {"method": "1", "factors": [1.1, 0.0], "tasks": {}, "domainRatio": 0, "seconds": 1.5},
       {"method": "1", "factors": [1.1, 1.0], "tasks": {"a]]>": 0.485}, "domainRatio": 0.97, "seconds": 1}],
      "otherEvaluations": 2, "warnings": ["odd <thing>"]}],
     "merged": {"tasks": {"a]]>": null}, "domainRatios": {"m<i>": 0.8}, "seconds": 3}}
    """

  private func page(_ text: String) throws -> PageDocument {
    let directory = try ScratchDirectory()
    try directory.write(text, to: "search.json")
    return try PageDocument(try ReportPage(directory.path))
  }

  @Test("candidates, their order and the best are shown") func search() throws {
    let page = try page(SearchPageTests.result)
    #expect(page.all("svg").count == 5)
    let titles = page.all("title").map(\.text)
    #expect(titles.contains("1: 1, 0, method 1, Domain-Ratio 0.5000"))
    #expect(titles.contains("3: 1.1, 1, method 1, Domain-Ratio 0.9700"))
    #expect(page.all("circle").count { $0.attributes["class"] == "best" } == 1)
    #expect(page.all("circle").count { $0.attributes["class"] == "missing" } == 2)
    #expect(page.all("li").map(\.text).last == "odd <thing>")
    #expect(page.all("td").contains { $0.text == "0.4700" })
    #expect(page.all("h2").contains { $0.text == "The merged model" })
    #expect(page.all("i").isEmpty && page.all("b").isEmpty)
    #expect(page.all("h2").contains { $0.text == "Model m<i>" })
  }

  @Test(
    "one partition, three, and none are drawn as far as they can be",
    arguments: ["[1.5]", "[1.0, 1.1, 1.2]", "[]"])
  func otherPartitions(factors: String) throws {
    let text = SearchPageTests.result.replacingOccurrences(of: "[1.1, 1.0]", with: factors)
      .replacingOccurrences(of: "[1.0, 0.0]", with: factors)
      .replacingOccurrences(of: "[1.1, 0.0]", with: factors)
    let page = try page(text)
    #expect(page.all("svg").count == 4)
    #expect(page.all("p").contains { $0.text.contains("two partitions only") })
  }

  @Test(
    "odd numbers and missing members do no harm",
    arguments: [
      #"{"version": 1, "models": []}"#,
      #"{"version": 1, "models": [{}, {"trajectory": [{}, {"factors": [1e308, -1e308]}]}]}"#,
      #"{"version": 1, "models": [{"trajectory": [{"factors": [1e308, -1e308]}]}]}"#,
      #"{"version": 1, "models": [{"trajectory": [{"factors": [1e300, 0], "domainRatio": 1e300}, {"factors": [0, 0]}]}]}"#,
      #"{"version": 1, "models": [{"factors": [1], "trajectory": [{"factors": [2, 2], "seconds": 1e18}]}]}"#,
    ])
  func oddSearches(text: String) throws { _ = try page(text) }

  @Test(
    "odd reports do no harm",
    arguments: [
      #"{"version": 1}"#,
      #"{"version": 1, "models": [{"tensors": [{"name": "layers.1.a.weight", "elements": 9223372036854775807, "kept": [9223372036854775807, -5], "threshold": [1e300, null], "tied": [1e300, -1], "rates": [2]}]}, {}], "plan": {"recipe": {"prune": "dppa", "merge": "ties", "tieBreak": "spread", "base": "nowhere", "partitionRates": [5], "cutsByMagnitude": true, "electsSigns": true}}}"#,
      #"{"version": 1, "models": 3, "totals": {"seconds": 1e300, "peakMemory": -1}, "explanation": {"passes": [{"segments": [{"actual": {}}]}, {"seconds": 1e300}]}, "warnings": ["x", {"message": "<y>"}]}"#,
    ])
  func oddReports(text: String) throws {
    let directory = try ScratchDirectory()
    try directory.write(text, to: "sluice-report.json")
    _ = try PageDocument(
      try ReportPage(directory.path) { try DimensionFigures.read($0, pattern: nil) {} })
  }

  @Test("a search's result is read as strictly as where its factors are used") func strict() throws
  {
    for text in ["3", "\"x\"", #"{"factors": ["1"]}"#] {
      #expect(throws: FormatError.self) { try page(#"{"version": 1, "models": [\#(text)]}"#) }
    }
  }

  @Test(
    "other files are refused with their name",
    arguments: ["", "[]", "{}", #"{"version": 2}"#, #"{"version": 1, "models": [}"#])
  func refused(text: String) throws {
    let directory = try ScratchDirectory()
    for name in ["sluice-report.json", "search.json"] {
      try directory.write(text, to: "\(name).d/\(name)")
      let error = #expect(throws: (any Error).self) { try ReportPage(directory("\(name).d")) }
      let failure = try #require((error as? any SluiceError)?.failure)
      #expect(failure.exitCode == .badInput && failure.subject.file?.hasSuffix(name) == true)
    }
    #expect(throws: ReportError.self) { try ReportPage(directory.path) }
    #expect(throws: ReportError.self) { try ReportPage(directory("nothing")) }
  }

  @Test(
    "numbers are written as people read them",
    arguments: [
      (0.0, "0.00"), (1.005, "1.00"), (-0.001, "0.00"), (-2.5, "-2.50"), (12345.678, "12345.68"),
    ])
  func numbers(value: Double, expected: String) { #expect(Numbers.fixed(value, 2) == expected) }
}
