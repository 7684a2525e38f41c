import Foundation
import SluiceFormats
import SluiceTestSupport
import Testing

/// Commands that look at an output which somebody else made.
@Suite("Hostile outputs on the command line")
struct HostileOutputTests {
  private final class Output {
    let path = NSTemporaryDirectory() + "sluice-output-" + UUID().uuidString

    init(_ files: [String: String]) throws {
      let work = path + "/.sluice"
      try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
      for (name, text) in files {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private static let largest = "9007199254740992"

  /// A report whose texts would move a terminal's cursor and whose numbers are as large as allowed.
  private static let report = """
    {"explanation": {"actual": true, "fingerprint": "\\u001b[2Jf",
     "models": [{"name": "\\u001b[2Jm", "path": "\\u001b]0;p\\u0007"}],
     "stages": [{"name": "\\u001b[2Js", "settings": "\\u202ex"}],
     "passes": [{"name": "\\u001b[2Jp", "reason": "\\u001b[2Jr", "bytesRead": \(largest),
      "bytesWritten": \(largest), "bytesSpilled": \(largest), "tensors": \(largest), "seconds": 9e15,
      "segments": [{"node": "\\u001b[2Jn", "count": \(largest), "stages": ["\\u001b[2Jz"],
       "channel": {"name": "\\u001b[2Jc", "byteBound": \(largest), "count": 1,
        "elements": \(largest), "bytes": \(largest), "sendersWaited": 9e15},
       "actual": {"busy": 9e15, "waitedForInput": 1, "bytes": \(largest)}}]}],
     "edges": {"contract": "\\u001b[2Je", "reason": "\\u001b[2Jw"},
     "memory": [{"name": "\\u001b[2Jq", "count": \(largest), "bytes": \(largest)}],
     "memoryLimit": \(largest), "smallestMemory": \(largest), "peakMemory": \(largest),
     "output": "\\u001b[2Jo", "files": \(largest), "bytesNeeded": \(largest), "bytesFree": -1,
     "readRate": 9e15, "seconds": 9e15}}
    """

  @Test(
    "what a report says is shown without what would change a terminal",
    arguments: ["text", "json", "dot", "mermaid"])
  func plan(format: String) throws {
    let output = try Output(["sluice-report.json": Self.report])
    let result = try SluiceProcess.run(["plan", "--actual", output.path, "--format", format])
    #expect(result.exitCode == 0 && result.errors.isEmpty)
    #expect(!result.output.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    #expect(result.output.contains(format == "json" ? "\\u001b[2Jp" : "\\u{1b}[2Jp"))
  }

  @Test("a status is shown whatever manifest and journal say")
  func status() throws {
    let manifest = """
      {"format": "sluice-manifest", "version": 1, "facts": {}, "notes": {
       "\\u001b[2Jk.units": "9223372036854775807", ".units": "1", "merge.units": "-1",
       "merge.bytes": "0", "\\u001b[2Jnote": "\\u001b[2Jvalue"}}
      """
    let output = try Output([".sluice/manifest.json": manifest])
    let journal = HostileJournal.manyKinds.bytes(manifest: Hash128(high: 0, low: 0))
    try Data(journal).write(to: URL(fileURLWithPath: output.path + "/.sluice/journal"))
    let result = try SluiceProcess.run(["status", output.path, "--verbose"])
    #expect(result.exitCode == 0 && result.errors.isEmpty)
    #expect(!result.output.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    #expect(result.output.contains("\\u{1b}[2Jk"))
  }

  @Test("a report that names files elsewhere is compared with nothing there")
  func verify() throws {
    let output = try Output([
      "sluice-report.json": """
      {"shards": [{"file": "../../../../etc/passwd", "bytes": 1, "hash": "x", "tensors": []},
       {"file": "\\u001b[2J", "bytes": 1, "hash": "x", "tensors": []},
       {"file": "..", "bytes": 4096, "hash": "x", "tensors": []},
       {"file": "", "bytes": -5, "hash": "x", "tensors": []}]}
      """
    ])
    let result = try SluiceProcess.run(["verify", output.path])
    #expect(result.exitCode == 65)
    #expect(result.errors.contains("passwd: the file is missing"))
    #expect(!result.errors.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
  }
}
