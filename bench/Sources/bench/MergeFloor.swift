import Measuring
import Platform

/// What a merge reads and writes, pass by pass, as its report tells.
struct MergeFloor {
  let passes: [PassFloor]

  /// Takes the bytes from a report, which adds up all files of a pass.
  ///
  /// A pass that writes the result reads all of the base, the frames, and equal shares of the models; one that does
  /// not reads equal shares of all. Frames that stay in memory are neither written nor read.
  /// - Parameters:
  ///   - report: `sluice-report.json`.
  ///   - inputs: the weight files of each model, the base's first.
  ///   - scratch: the folder of what is written.
  /// - Throws: `BenchFailure` when the report has no bytes, or a file is not there.
  init(report: JSON, inputs: [[String]], scratch: String) throws {
    let all = report["explanation"]?["passes"]?.items ?? []
    guard let spilled = report["totals"]?["bytesSpilled"]?.integerValue
    else { throw BenchFailure("no bytes in the report of a merge") }
    func number(_ pass: JSON, _ key: String) -> Int { pass[key]?.integerValue ?? 0 }
    let isDirect = report["plan"]?["run"]?["io"]?.stringValue == "direct"
    func part(_ name: String, _ bytes: Int, isDirect: Bool) -> PassFloor.Part? {
      guard bytes > 0 else { return nil }
      return PassFloor.Part(
        paths: ["\(scratch)/floor-\(name).tmp"], byteCount: bytes, isDirect: isDirect)
    }
    let base = try byteCount(of: inputs[0])
    let hasFrames = report["explanation"]?["spill"]?["codec"]?.stringValue != nil
    passes = all.map { pass in
      let output = number(pass, "bytesWritten")
      let read = number(pass, "bytesRead")
      let kept = output > 0 && hasFrames ? part("frames", spilled, isDirect: isDirect) : nil
      let rest = read - base - (kept?.byteCount ?? 0)
      let shares =
        output > 0
        ? [base] + inputs.dropFirst().map { _ in max(0, rest) / (inputs.count - 1) }
        : inputs.map { _ in read / inputs.count }
      return PassFloor(
        reads: zip(inputs, shares).map {
          PassFloor.Part(paths: $0, byteCount: $1, isDirect: isDirect)
        } + [kept].compactMap(\.self),
        frames: part("frames", number(pass, "bytesSpilled"), isDirect: isDirect),
        output: part("output", output, isDirect: true))
    }
  }

  /// Reads passes back.
  /// - Parameter json: what `json` wrote.
  /// - Throws: `BenchFailure` for a part without files or bytes.
  init(json: JSON) throws { passes = try json.items.map(PassFloor.init(json:)) }

  /// The passes for a file.
  var json: JSON { .array(passes.map(\.json)) }
}
