import Foundation
import SluiceCore
import SluiceTestSupport
import Testing

@testable import SluiceCommand

/// `sluice offsets` and `sluice report`, run as users run them.
@Suite("Commands that look") struct OffsetCommandTests {
  @Test("offsets shows tables and advice, and leaves nothing in the temporary directory")
  func offsets() throws {
    let directory = try FamilyDirectory()
    let name = directory.family.fineTuned[0].name
    let temporary = try ScratchDirectory()
    let arguments = [
      "TMPDIR=\(temporary.path)", SluiceProcess.path, "offsets", "--base",
      directory.path + "/base", "--model", "\(directory.path)/\(name)", "--quiet",
    ]
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(text.contains("offsets of linear layers") && text.contains("\(name): significance"))
    let last = try #require(text.split(separator: "\n").last)
    #expect(last.hasPrefix("\(name): 80 % of |offset| lie within"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path).isEmpty)
  }

  @Test("offsets --json writes one object for each model") func json() throws {
    let directory = try FamilyDirectory()
    let models = directory.family.fineTuned.flatMap {
      ["--model", "\($0.name)=\(directory.path)/\($0.name)"]
    }
    let result = try SluiceProcess.run(
      ["offsets", "--json", "--base", directory.path + "/base"] + models)
    #expect(result.exitCode == 0)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == directory.family.fineTuned.count)
    for (line, tuned) in zip(lines, directory.family.fineTuned) {
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(object["model"] as? String == tuned.name)
      let offsets = try #require(object["offsets"] as? [Double])
      #expect(offsets.count == 11 && offsets == offsets.sorted())
    }
  }

  @Test("report writes a page beside the merge, and never over what it is made from")
  func report() throws {
    let directory = try FamilyDirectory()
    #expect(try SluiceProcess.run(directory.mergeArguments(["--quiet"])).exitCode == 0)
    let page = directory.path + "/page.html"
    let result = try SluiceProcess.run(["report", directory.path + "/out", "--html", page])
    #expect(result.exitCode == 0 && result.output.contains("shows the merge"))
    #expect(try String(contentsOfFile: page, encoding: .utf8).hasPrefix("<!DOCTYPE html>"))
    let source = directory.path + "/out/sluice-report.json"
    let before = FileManager.default.contents(atPath: source)
    let over = try SluiceProcess.run(["report", directory.path + "/out", "--html", source])
    #expect(over.exitCode == 64)
    #expect(FileManager.default.contents(atPath: source) == before)
    let none = try SluiceProcess.run(["report", directory.path + "/base", "--html", page])
    #expect(none.exitCode == 65 && none.errors.contains("hint: "))
  }

  @Test(
    "a path may have a name before it",
    arguments: [
      ("models/math", "math", "models/math"), ("math=models/m", "math", "models/m"),
      ("models/a=b", "a=b", "models/a=b"), ("/x/math/", "math", "/x/math/"),
      ("..", "model", ".."), ("x/base", "model", "x/base"),
    ])
  func names(argument: String, name: String, path: String) throws {
    let parsed = try #require(PossiblyNamedPath(argument: argument))
    #expect(parsed.name == name && parsed.path == path)
  }

  @Test(
    "offsets are written with three digits",
    arguments: [
      (0, "0"), (0.00114, "0.00114"), (-0.0173, "-0.0173"), (0.0000781, "0.0000781"),
      (1.5, "1.50"), (-3e-12, "-3.0e-12"),
    ])
  func short(value: Double, expected: String) { #expect(OffsetDisplay.short(value) == expected) }
}
