import Foundation
import SluiceTestSupport
import Testing

/// Whatever a stranger writes into a file that a command reads, nothing of it steers a terminal.
@Suite("Texts of others on their way out")
struct ForeignTextTests {
  /// The ends of a line and of a paragraph, a direction, an escape sequence, a control character of
  /// eight bits, and a tag beyond the first plane.
  private static let evil = "\u{202e}\u{2028}\u{2029}\u{1b}[31m\u{9b}\u{85}\u{e0041}\r\u{7}"

  /// Every text of a JSON value, each replaced in turn.
  private static func variants(_ value: Any) -> [Any] {
    if value is String { return [evil + (value as? String ?? "")] }
    if let list = value as? [Any] {
      return list.indices.flatMap { index in
        variants(list[index]).map { changed in
          var copy = list
          copy[index] = changed
          return copy as Any
        }
      }
    }
    guard let map = value as? [String: Any] else { return [] }
    return map.keys.sorted().flatMap { key in
      variants(map[key] as Any).map { changed in
        var copy = map
        copy[key] = changed
        return copy as Any
      }
    }
  }

  private static func expectHarmless(_ arguments: [String], in directory: String) throws {
    let result = try SluiceProcess.run(arguments, in: directory)
    for scalar in ForeignTextTests.evil.unicodeScalars where !(0x20..<0x7f ~= scalar.value) {
      #expect(
        ![result.output, result.errors].contains { $0.unicodeScalars.contains(scalar) },
        "\(arguments) shows U+\(String(scalar.value, radix: 16))")
    }
    #expect([0, 65].contains(result.exitCode), "\(arguments): \(result.errors)")
  }

  @Test("of every member of a report, one in nine of them by itself")
  func report() throws { try ForeignTextTests.report(step: 9) }

  static func report(step: Int) throws {
    let family = try FamilyDirectory()
    let merge = try SluiceProcess.run(
      family.mergeArguments(["--quiet", "--spill", "none"]), in: family.path)
    #expect(merge.exitCode == 0, "\(merge.errors)")
    let out = family.path + "/out"
    let path = out + "/sluice-report.json"
    let text = try Data(contentsOf: URL(fileURLWithPath: path))
    var report = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    // Tensors are many and alike: one stands for all.
    for key in ["tensors", "layers"] {
      if let list = report[key] as? [Any] { report[key] = Array(list.prefix(1)) }
    }
    let variants = ForeignTextTests.variants(report)
    #expect(variants.count > 40)
    // All at once for every command, one by one where a plan is drawn.
    for format in ["text", "json", "dot", "mermaid"] {
      let everything = String(decoding: text, as: UTF8.self).replacingOccurrences(
        of: #"": ""#, with: #"": "\u202e\u2028\u2029\u001b[31m\u009b\u0085\udb40\udc41\r\u0007"#)
      try everything.write(toFile: path, atomically: true, encoding: .utf8)
      try expectHarmless(["plan", "--actual", out, "--format", format], in: family.path)
    }
    for command in ["status", "verify", "report", "inspect"] {
      // Of a page the browser is the reader; what the command says is looked at.
      for option in command == "report" ? [["--html", "page.html"]] : [[], ["--json"]] {
        try expectHarmless([command] + option + [out], in: family.path)
      }
    }
    for variant in stride(from: 0, to: variants.count, by: step).map({ variants[$0] }) {
      try JSONSerialization.data(withJSONObject: variant).write(to: URL(fileURLWithPath: path))
      try expectHarmless(["plan", "--actual", out], in: family.path)
    }
  }

  @Test("of a manifest")
  func manifest() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(
      #"""
      {"format": "sluice-manifest", "version": 1, "facts": {"kind": "x\u202e\u001b\u2028"},
       "notes": {"base\u202e\u2028": "\u009b\u2029\u0085\u001b[2J", "merge.units": "\u202e"}}
      """#, to: "out/.sluice/manifest.json")
    for json in [[], ["--json"]] {
      try ForeignTextTests.expectHarmless(["status"] + json + [scratch("out")], in: scratch.path)
    }
  }
}

@Suite("Foreign texts, one by one")
struct SluiceSlowForeignTextTests {
  @Test("of every member of a report")
  func report() throws { try ForeignTextTests.report(step: 1) }
}
