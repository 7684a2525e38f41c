import Foundation
import Testing

@Suite("The tutorial of stages")
struct TutorialTests {
  private static func lines(_ path: String) throws -> [Substring] {
    try String(contentsOfFile: FamilyDirectory.repository + "/docs/" + path, encoding: .utf8)
      .split(separator: "\n")
  }

  @Test(
    "quotes the files of the example as they are",
    arguments: [
      "Sources/clip-outliers/ClipOutliers.swift", "Sources/clip-outliers/main.swift",
      "clip-before-dppa.yaml",
    ])
  func quotes(file: String) throws {
    let page = try TutorialTests.lines("tutorials/a-stage-of-your-own.md")
    var rest = page[...]
    // Comments of documentation are left out: the text around the code says the same.
    for line in try TutorialTests.lines("examples/clip-outliers/" + file)
    where !line.drop(while: { $0 == " " }).hasPrefix("///") {
      let place = try #require(rest.firstIndex(of: line), "the page has no line \(line)")
      rest = rest[(place + 1)...]
    }
  }
}
