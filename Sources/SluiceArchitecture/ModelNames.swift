internal import SluiceCore

/// How a model's names go with the base's.
package struct ModelNames: Sendable {
  /// What is put in the place of the beginning of names.
  package struct Renaming: Sendable, Hashable {
    /// What the names begin with.
    package let old: String
    /// What stands there instead.
    package let new: String

    /// Describes a renaming.
    package init(old: String, new: String) {
      self.old = old
      self.new = new
    }

    /// The name that a tensor gets; nil if it does not begin so.
    package func name(_ name: String) -> String? {
      guard name.utf8.starts(with: old.utf8) else { return nil }
      return new + String(decoding: name.utf8.dropFirst(old.utf8.count), as: UTF8.self)
    }
  }

  /// What whole models' names begin with, beyond what others have: `torch.compile`, data parallel
  /// wrappers, the language model of one of several modalities.
  private static let prefixes = [
    "", "_orig_mod.", "module.", "model.language_model.", "language_model.model.",
    "language_model.", "model.model.", "model.", "transformer.", "backbone.", "base_model.model.",
    "bert.", "roberta.", "text_model.", "_fsdp_wrapped_module.", "_orig_mod.module.",
    "module._orig_mod.",
  ]

  /// How many of the model's names the base has.
  package let commonCount: Int
  /// The renaming under which most further names are the base's; nil if none helps.
  package let suggestion: Renaming?
  /// How many names it would make the base's.
  package let suggestedCount: Int

  /// Compares names.
  ///
  /// - Parameters:
  ///   - names: The model's names.
  ///   - base: The base's.
  package init(_ names: [String], base: Set<String>) {
    let others = names.filter { !base.contains($0) }
    commonCount = names.count - others.count
    var best: (renaming: Renaming, count: Int)?
    for old in ModelNames.prefixes {
      let begun = others.filter { $0.utf8.starts(with: old.utf8) }
      guard !begun.isEmpty else { continue }
      for new in ModelNames.prefixes where new != old {
        let renaming = Renaming(old: old, new: new)
        let count = begun.count { renaming.name($0).map(base.contains) ?? false }
        if count > best?.count ?? 0 { best = (renaming, count) }
      }
    }
    suggestion = best?.renaming
    suggestedCount = best?.count ?? 0
  }
}
