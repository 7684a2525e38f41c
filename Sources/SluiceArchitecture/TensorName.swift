internal import SluiceCore

/// A tensor's whole name, cut at its dots once: what it says of experts, routers and packed weights.
struct TensorName {
  private static let routers: Set<Substring> = ["router", "shared_expert_gate", "wg"]
  private static let suffixes: [Substring: String] = [
    "qweight": "packed integers of GPTQ or AWQ", "qzeros": "zero points of GPTQ or AWQ",
    "g_idx": "groups of GPTQ", "weight_packed": "packed weights",
    "weight_scale": "scales of packed weights", "weight_scale_inv": "scales of packed weights",
    "weight_scale_2": "a scale of packed weights",
    "weight_global_scale": "a scale of packed weights",
    "weight_shape": "the shape of packed weights", "weight_zero_point": "zero points",
    "input_scale": "a scale of activations",
    "input_global_scale": "a scale of activations", "absmax": "scales of bitsandbytes",
    "quant_map": "a table of bitsandbytes", "nested_absmax": "scales of bitsandbytes",
    "nested_quant_map": "a table of bitsandbytes", "SCB": "scales of bitsandbytes",
  ]

  let name: String
  private let parts: [Substring]
  /// Whether the tensor belongs to experts.
  let isInExperts: Bool

  init(_ name: String) {
    self.name = name
    parts = name.cutAtDots
    isInExperts = parts.contains("experts")
  }

  /// The module that has the experts which the tensor belongs to.
  var mixture: String? {
    parts.first { $0 == "experts" || $0 == "shared_expert" || $0 == "shared_experts" }
      .map { String(name.utf8[..<$0.startIndex].dropLast()) ?? "" }
  }

  /// The module whose router the tensor would be, and whether its name leaves no doubt.
  var router: (module: String, isCertain: Bool)? {
    // Experts have gates of their own.
    guard !isInExperts, BlockName.isInBlock(name) else { return nil }
    for (index, part) in parts.enumerated() where index < parts.count - 1 {
      if TensorName.routers.contains(part) {
        return (parts[..<index].joined(separator: "."), true)
      }
      if part == "gate" { return (parts[..<index].joined(separator: "."), false) }
    }
    return nil
  }

  /// What the tensor is if its name is one of packed weights or of what belongs to them.
  var packing: String? {
    let last = parts.last { !$0.isEmpty } ?? ""
    if name.contains(bytesOf: ".quant_state.") { return "a state of bitsandbytes" }
    if isInExperts, last.hasSuffix("_blocks") || last.hasSuffix("_scales") {
      return "packed weights of MXFP4"
    }
    return TensorName.suffixes[last]
  }
}

extension String {
  /// The parts between its dots.
  var cutAtDots: [Substring] {
    // Of ten thousands of names: one list, made at once.
    var parts: [Substring] = []
    parts.reserveCapacity(8)
    var start = utf8.startIndex
    var position = start
    while position < utf8.endIndex {
      let next = utf8.index(after: position)
      if utf8[position] == UInt8(ascii: ".") {
        parts.append(Substring(utf8[start..<position]))
        start = next
      }
      position = next
    }
    parts.append(Substring(utf8[start...]))
    return parts
  }
}
