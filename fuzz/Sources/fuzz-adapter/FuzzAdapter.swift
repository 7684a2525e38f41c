import FuzzSupport

@testable import SluiceAdapters

/// The config of an adapter: what it says of modules takes bounded time, and is the same when asked again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAdapter(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = attempt(start, count) { bytes in
    _ = AdapterKey(String(decoding: bytes, as: UTF8.self))
  }
  return attempt(start, count) { bytes in
    let config = try AdapterConfig(Array(bytes), file: "adapter_config.json")
    let names = [
      "model.layers.0.self_attn.q_proj", "", ".", "a.a.a.a", String(repeating: "a", count: 300),
    ]
    for name in names {
      var (steps, again) = (0, 0)
      let rank = config.rankPatterns.value(of: name, steps: &steps)
      precondition(rank == config.rankPatterns.value(of: name, steps: &again) && steps == again)
      precondition(rank.map { $0 > 0 } ?? true)
      let alpha = config.alphaPatterns.value(of: name, steps: &steps)
      precondition(config.scale(rank: rank ?? config.rank, alpha: alpha ?? config.alpha).isFinite)
    }
  }
}
