import FuzzSupport
@testable import SluiceArchitecture
@testable import SluiceFormats

/// The config of a model: its values, what it says of packings, and what differs from another.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzArchitecture(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let config = try ModelConfig(Array(bytes), file: "x")
    precondition(config.values.count <= ModelConfig.valueLimit)
    for path in config.paths("vocab_size") {
      precondition(config.values[path.joined(separator: ".")] != nil, "\(path)")
    }
    switch Quantisation(config) {
    case .blockFP8(let rows, let columns)?: precondition(rows > 0 && columns > 0)
    case .scaledFP8(let rows, let columns)?: precondition(rows ?? 1 > 0 && columns ?? 1 > 0)
    case .packedInt4(let group)?: precondition(group ?? 1 > 0)
    case .refused(let name)?: precondition(name.utf8.count < 4096)
    case .mxfp4?, .nvfp4?, nil: break
    }
    // A config does not differ from itself.
    let same = ConfigComparison(config, with: config)
    precondition(same.refused.isEmpty && same.warned.isEmpty)
    // What is written into it can be read again.
    var text = try TopLevelObject(Array(bytes), file: "x")
    text.set(["text_config", "vocab_size"], to: .integer(3))
    text.remove(["quantization_config"])
    precondition(!TopLevelObject.isBroken(text.bytes))
  }
}

extension TopLevelObject {
  static func isBroken(_ bytes: [UInt8]) -> Bool {
    guard let again = try? TopLevelObject(bytes, file: "x") else { return true }
    return again.contains("quantization_config")
  }
}
