internal import SluiceCore
internal import SluiceFormats
package import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// A part of a shared run that all shares must have done before the next begins.
package enum SharePhase: String, Sendable, Hashable, CaseIterable {
  /// The linear layers are counted, and what rates follow from is told.
  case survey
  /// The merged weights are made and written.
  case merge

  /// The phases that the passes of a merge take.
  ///
  /// - Parameter passes: The passes.
  /// - Returns: The phases, in order.
  package static func phases(of passes: [any TensorPass]) -> [SharePhase] {
    passes.contains { $0.reach == .layers } ? [.survey, .merge] : [.merge]
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
    for pass in tensors.passes {
      if case .undivided(let what) = pass.reach {
        throw refuse("its pass \(pass.name) \(what)")
      }
    }
    if !recipe.stages.identities.isEmpty {
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
