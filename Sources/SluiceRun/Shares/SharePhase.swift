internal import SluiceCore
internal import SluiceFormats
package import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// A part of a shared run that all shares must have done before the next begins.
package enum SharePhase: String, Sendable, Hashable, CaseIterable {
  /// The linear layers are counted, and what rates follow from is told.
  case survey
  /// What the pruning left is counted, to find where the original TIES trims each model: first by bins.
  case trim
  /// Of each model, the bin that it is cut in is looked into.
  case threshold
  /// The signs are counted that elements elect.
  case majority
  /// The merged weights are made and written.
  case merge

  /// The phases that the passes of a merge take.
  ///
  /// - Parameter passes: The passes.
  /// - Returns: The phases, in order.
  package static func phases(of passes: [any TensorPass]) -> [SharePhase] {
    let ended = passes.flatMap { pass -> [SharePhase] in
      switch pass.reach {
      case .tensor: []
      case .layers, .blocks: [.survey]
      case .model: [.trim, .threshold]
      case .everything: [.majority]
      }
    }
    return ended + [.merge]
  }

  /// Whether a pass is the last one of the phase before the merge: it must have seen what other shares have.
  func ends(with pass: any TensorPass) -> Bool {
    switch self {
    case .survey: pass is SurveyPass
    case .trim, .threshold: pass is TrimPass
    case .majority: pass is MajorityPass
    case .merge: pass is MergePass
    }
  }

  /// The name of what follows from all shares, for the phases that come after it.
  var reducedName: String {
    switch self {
    case .survey: "rates"
    case .trim: "bins"
    case .threshold: "cuts"
    case .majority: "majority"
    case .merge: "model"
    }
  }
}

extension MergePlan {
  /// Refuses a merge that cannot be done in shares.
  ///
  /// - Throws: `PipelineError` with what is in the way.
  func checkDivides() throws {
    func refuse(_ what: String) -> PipelineError {
      PipelineError.usage(
        "this merge cannot be done in shares: \(what)",
        remedy: "Merge it on one machine, with sluice run.")
    }
    let text = recipe.resolvedText(WrittenPaths(.absolute, from: "/"))
    let readBack = try? RecipeFile.parse(text, options: RunOptions(threads: 1)).recipe
    if !recipe.stages.identities.isEmpty, readBack?.fingerprint != recipe.fingerprint {
      throw refuse("it has stages of its own, which only the process that was given them can run")
    }
    if let task = tasks.first(where: { $0.outputView != nil }) {
      throw refuse(
        "the elements of \((task.stack?.tensor ?? task.name).printable) do not lie together in the "
          + "output, so that its layers have pages in common")
    }
  }
}

/// Which of the shares of a run, as people write it: `3/8`.
package struct ShareNumber: Sendable, Hashable {
  /// The share, from 0.
  package let index: Int
  /// How many there are.
  package let count: Int

  /// Names a share; nil if there is none of that number.
  package init?(_ index: Int, of count: Int) {
    guard (1...ShareCut.maximumCount).contains(count), (0..<count).contains(index) else {
      return nil
    }
    (self.index, self.count) = (index, count)
  }

  /// Reads `I/N`, with I from 0.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]) else { return nil }
    self.init(index, of: count)
  }

  /// Numbers as the engines that hand shares out read them: `3,17,40-43`.
  package static func list(_ numbers: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in numbers.sorted() {
      if let last = runs.last, last.upperBound >= number - 1 {
        runs[runs.count - 1] = last.lowerBound...max(last.upperBound, number)
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
