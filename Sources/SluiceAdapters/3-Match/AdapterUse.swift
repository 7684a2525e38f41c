/// How factors of stacked experts are packed: no file says it.
package enum ExpertPacking: String, Sendable, Hashable, CaseIterable {
  /// The left factor is outputs x rank x experts.
  case peft
  /// The left factor is outputs x experts x rank.
  case unsloth
}

/// How products are rounded before they are added.
package enum AdapterRounding: String, Sendable, Hashable, CaseIterable {
  /// To Float32, once for each product and each sum.
  case exact
  /// As PEFT does on a CPU, which loads factors as F32.
  case peft
  /// As PEFT does where factors stay in their own type (`autocast_adapter_dtype=False`).
  case peftHalf = "peft-half"
}

/// How an adapter is applied.
package struct AdapterUse: Sendable, Hashable {
  /// What its deltas are multiplied by.
  package var strength: Double
  /// How factors of stacked experts are packed; nil if it was not said.
  package var packing: ExpertPacking?
  /// How products are rounded.
  package var rounding: AdapterRounding

  /// Chooses.
  ///
  /// - Parameters:
  ///   - strength: What its deltas are multiplied by.
  ///   - packing: How factors of stacked experts are packed.
  ///   - rounding: How products are rounded.
  package init(
    strength: Double = 1, packing: ExpertPacking? = nil, rounding: AdapterRounding = .exact
  ) {
    self.strength = strength
    self.packing = packing
    self.rounding = rounding
  }
}
