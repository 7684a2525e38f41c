import SluiceTestSupport

/// A directory with a tiny family in it, gone when the test is over.
final class FamilyDirectory {
  let family: ModelFamily
  private let scratch: ScratchDirectory

  var path: String { scratch.path }

  init(_ family: ModelFamily = FamilySpec.random(seed: 21).build()) throws {
    self.family = family
    scratch = try ScratchDirectory()
    try family.base.write(to: scratch("base"), layout: ShardingLayout())
    for tuned in family.fineTuned {
      try tuned.model.write(to: scratch(tuned.name), layout: ShardingLayout())
    }
  }

  /// The arguments of a merge of the whole family, with the paths filled in.
  func mergeArguments(_ further: [String] = []) -> [String] {
    var arguments = ["merge", "--base", scratch("base"), "--out", scratch("out")]
    for tuned in family.fineTuned {
      arguments += ["--model", "\(tuned.name)=\(scratch(tuned.name))"]
    }
    return arguments + further
  }
}
