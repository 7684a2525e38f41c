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

  @Test("offsets --directions says what models have in common, in words and in JSON")
  func directions() throws {
    let directory = try FamilyDirectory(
      FamilySpec(seed: 3, fineTunes: [.init("math"), .init("law")]).build())
    let arguments =
      ["offsets", "--directions", "--quiet", "--base", directory.path + "/base"]
      + directory.family.fineTuned.flatMap { ["--model", "\(directory.path)/\($0.name)"] }
    let text = try SluiceProcess.run(arguments)
    let golden = """
      directions of linear layers: the share of squares that so many hold
            effective rank     in 8    in 16     in 32     in 64
      math             9.3  75.64 %  95.30 %  100.00 %  100.00 %
      law              6.3  83.51 %  97.14 %  100.00 %  100.00 %

      overlap of directions     of 8    of 16    of 32    of 64
      math, law              32.57 %  58.37 %  84.84 %  84.84 %
        by chance            31.43 %  58.72 %  85.00 %  85.00 %

      squares in another's directions     in 8    in 16    in 32    in 64
      math in those of law             28.85 %  56.26 %  80.78 %  80.78 %
      law in those of math             31.14 %  59.72 %  85.89 %  85.89 %

      math: effective ranks
      block           down_proj  gate_proj  up_proj  k_proj  o_proj  q_proj  v_proj
      model.layers.0       14.3        8.3      9.8     7.6     5.0     7.7     7.3
      model.layers.1       14.1       14.7     13.0     7.8    10.8     5.8     1.8

      math: the share of squares in 32 directions
      block           down_proj  gate_proj   up_proj    k_proj    o_proj    q_proj    v_proj
      model.layers.0   100.00 %   100.00 %  100.00 %  100.00 %  100.00 %  100.00 %  100.00 %
      model.layers.1   100.00 %   100.00 %  100.00 %  100.00 %  100.00 %  100.00 %  100.00 %

      law: effective ranks
      block           down_proj  gate_proj  up_proj  k_proj  o_proj  q_proj  v_proj
      model.layers.0       14.0       13.3      3.8     4.8     7.9     6.8     4.5
      model.layers.1        4.8        9.3      2.6     2.9    12.1     5.1     5.5

      law: the share of squares in 32 directions
      block           down_proj  gate_proj   up_proj    k_proj    o_proj    q_proj    v_proj
      model.layers.0   100.00 %   100.00 %  100.00 %  100.00 %  100.00 %  100.00 %  100.00 %
      model.layers.1   100.00 %   100.00 %  100.00 %  100.00 %  100.00 %  100.00 %  100.00 %

      math, law: overlap of 32 directions
      block           down_proj  gate_proj   up_proj   k_proj    o_proj    q_proj   v_proj
      model.layers.0    58.55 %   100.00 %  100.00 %  50.95 %  100.00 %  100.00 %  53.20 %
      model.layers.1    58.79 %   100.00 %  100.00 %  47.64 %  100.00 %  100.00 %  49.66 %
      """
    #expect(text.exitCode == 0 && text.output.hasPrefix(golden), "\(text.output)")
    let json = try SluiceProcess.run(arguments + ["--json"])
    let line = try #require(json.output.split(separator: "\n").last)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["event"] as? String == "directions")
    #expect(object["models"] as? [String] == directory.family.fineTuned.map(\.name))
    #expect(object["ranks"] as? [Int] == [8, 16, 32, 64])
    let layers = try #require(object["layers"] as? [[String: Any]])
    #expect(layers.count == 14)
    for layer in layers + [object] {
      let ranks = try #require(layer["effectiveRanks"] as? [Double])
      #expect(ranks.count == 2 && ranks.allSatisfy { $0 >= 1 && $0 < 25 })
      for key in ["held", "overlap"] {
        let figures = try #require(layer[key] as? [[[Double]]])
        #expect(figures.count == 2 && figures.allSatisfy { $0.count == 2 })
        #expect(figures.joined().allSatisfy { $0 == $0.sorted() || key == "overlap" })
        #expect(figures.joined().joined().allSatisfy { $0 > 0 && $0 < 1 + 1e-6 })
      }
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
