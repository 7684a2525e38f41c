import Platform
import Testing

@testable import Suite

@Suite struct ResultTests {
  private static let group = "tiny, 2 models, warm"

  /// Two turns: the second has a machine that is twice as slow.
  private func results() -> Results {
    var results = Results(
      shape: "tiny",
      setting: .object([
        JSON.Member(
          "machine",
          .object([
            JSON.Member("cores", .integer(2)), JSON.Member("processor", .string("some CPU")),
          ])),
        JSON.Member("programs", .array([.string("sluice 1")])),
      ]))
    for (run, slow) in [(0, 1.0), (1, 2.0)] {
      results.add(
        Sample(
          run: run, group: ResultTests.group, step: Sample.floor, seconds: 3 * slow,
          details: ["firstRead": slow, "secondRead": slow, "write": slow]))
      for (step, seconds, peak) in [
        ("dppa-ties", 6.0, 100.0), ("average", 3.0, 50.0), ("mergekit-linear", 30.0, 5000.0),
      ] {
        results.add(
          Sample(
            run: run, group: ResultTests.group, step: step, seconds: seconds * slow,
            details: ["peakResident": peak * 0x1p20]))
      }
    }
    return results
  }

  @Test("Results, kept and read back, are the same, and turns are counted on")
  func roundTrip() throws {
    let before = results()
    let after = try Results(json: JSON(parsing: Array(before.json.text.utf8)))
    #expect(after.samples == before.samples)
    #expect(after.shape == "tiny" && after.setting == before.setting)
    #expect(after.nextRun(of: ResultTests.group) == 2)
    #expect(after.nextRun(of: "another") == 0)
  }

  @Test("Ratios are taken within a turn, and a floor counts as many reads as it is asked for")
  func ratios() {
    let results = results()
    let group = ResultTests.group
    #expect(results.ratio(of: "dppa-ties", reads: 2, in: group) == 2)
    #expect(results.ratio(of: "average", reads: 1, in: group) == 1.5)
    #expect(results.ratio(of: "mergekit-linear", to: "average", in: group) == 10)
    #expect(results.seconds(of: "average", in: group) == 4.5)
    #expect(results.floorSeconds(reads: 1, in: group) == 3)
    #expect(results.ratio(of: "sum", reads: 1, in: group) == nil)
    #expect(results.largest("peakResident", of: "average", in: group) == 50 * 0x1p20)
  }

  @Test("Scenarios of different models are compared byte by byte, with the floors of their own")
  func perByte() throws {
    var results = results()
    let large = try #require(Scenario.all.first { $0.name == "models-8" })
    let group = large.group(runShape: "tiny")
    for (step, seconds, bytes) in [("models-2", 2.0, 4e9), ("models-8", 7.0, 10e9)] {
      results.add(
        Sample(
          run: 0, group: group, step: step, seconds: seconds, details: ["bytesMoved": bytes]))
      results.add(
        Sample(
          run: 0, group: group, step: "floor, \(step)", seconds: seconds / 2,
          details: ["firstRead": 0.5, "secondRead": 0.25, "write": 0.25]))
    }
    #expect(results.comparison(of: large, in: group) == "1.40 models-2 per byte")
    let lines = results.tables(of: [large]).split(separator: "\n")
    let row = try #require(lines.first { $0.hasPrefix("models-8") }).split(separator: " ")
    #expect(row.prefix(5) == ["models-8", "1", "7.000", "1.43", "7.00"])
    #expect(lines.contains { $0.hasPrefix("floor, models-8, two reads") })
  }

  @Test(
    "What is no file of results is refused", arguments: ["{}", #"{"version": 1, "shape": "a"}"#])
  func refused(_ text: String) {
    #expect(throws: BenchFailure.self) { try Results(json: JSON(parsing: Array(text.utf8))) }
  }

  @Test("The tables replace what stands between the comments, and nothing else")
  func readme() throws {
    let table = ReadmeTable(results(), showsAll: false)
    let text = "before\n\(ReadmeTable.start)\nold\n\(ReadmeTable.end)\nafter\n"
    let new = try table.replacing(in: text)
    #expect(new.hasPrefix("before\n\(ReadmeTable.start)\n\n`tiny`, 2 cores (some CPU), sluice 1"))
    #expect(new.hasSuffix("|\n\n\(ReadmeTable.end)\nafter\n"))
    #expect(!new.contains("old"))
    #expect(try table.replacing(in: new) == new)
    #expect(new.contains("| floor, two reads |  | 4.50 | 1.00 |  |  |\n"))
    #expect(new.contains("| floor, one read |  | 3.00 | 1.00 |  |  |\n"))
    #expect(new.contains("| dppa-ties | the defaults | 9.00 | 2.00 |  | 100 |\n"))
    #expect(new.contains("| `linear` | 45.0 | 5000 | average | 4.50 | 50 | 10.0 | 1/100 |\n"))
  }

  @Test(
    "A README without both comments, once each and in order, is left alone",
    arguments: [
      "", ReadmeTable.start, "\(ReadmeTable.end)\n\(ReadmeTable.start)",
      "\(ReadmeTable.start)\n\(ReadmeTable.end)\n\(ReadmeTable.end)",
    ])
  func noComments(_ text: String) {
    #expect(throws: BenchFailure.self) {
      try ReadmeTable(results(), showsAll: true).replacing(in: text)
    }
  }

  @Test("The table for people shows floors, medians and ratios of what was measured")
  func table() {
    let text = results().tables(of: Scenario.all)
    #expect(text.contains(ResultTests.group))
    #expect(text.contains("floor, one read"))
    #expect(text.contains("10.00 average"))
    #expect(!text.contains("trimmed-ties"))
    #expect(!text.contains("cold") && !text.contains(Sample.threadedFloor))
  }
}
