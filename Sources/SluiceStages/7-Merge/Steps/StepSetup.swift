/// One of the models of a merge that rounds at each step.
package enum StepInput: Sendable, Hashable {
  /// What stands in the base's place: the base, or the first input of a merge without one.
  case base
  /// A fine-tuned model.
  case model(Int)
}

/// What stages that round at each step know of a merge: its inputs, its working type, its numbers.
package struct StepSetup: Sendable {
  /// The inputs in the order in which they are listed; a base that is not listed comes last.
  package let inputs: [StepInput]
  /// Whether the base is one in the method's sense, from which differences are taken.
  package let hasBase: Bool
  /// What is rounded to.
  package let working: WorkingType
  /// A parameter's number for a tensor: that of an input, or the one for all if there is none.
  package let number: @Sendable (_ name: String, _ task: TensorTask, _ input: Int?) -> Double

  /// Describes a merge.
  package init(
    inputs: [StepInput], hasBase: Bool, working: WorkingType,
    number: @escaping @Sendable (String, TensorTask, Int?) -> Double
  ) {
    self.inputs = inputs
    self.hasBase = hasBase
    self.working = working
    self.number = number
  }

  /// The positions of the inputs that are no base, in order.
  package var others: [Int] { inputs.indices.filter { !hasBase || inputs[$0] != .base } }

  /// The position among the inputs of a fine-tuned model.
  package func position(of model: Int) -> Int { inputs.firstIndex(of: .model(model)) ?? 0 }

  /// A number for all inputs.
  package func number(_ name: String, _ task: TensorTask) -> Double { number(name, task, nil) }

  /// Whether a truth value holds.
  package func holds(_ name: String, _ task: TensorTask) -> Bool { number(name, task, nil) != 0 }

  /// A number of a fine-tuned model.
  package func number(_ name: String, _ task: TensorTask, model: Int) -> Double {
    number(name, task, position(of: model))
  }
}
