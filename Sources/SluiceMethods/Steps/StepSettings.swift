internal import SluiceArchitecture
package import SluiceCore
package import SluiceStages

/// How results are rounded on the way.
package enum StepRounding: String, Sendable, Hashable, CaseIterable {
  /// Each operation to the working type, as mergekit does.
  case steps
  /// Everything in Float32, and the result once.
  case once
}

/// A number, or a truth value, for the tensors whose names match.
package struct ScopedNumber: Sendable, Hashable {
  /// What it is along the depth of the model.
  package enum Value: Sendable, Hashable {
    /// The same everywhere.
    case constant(Double)
    /// Interpolated over the layers, from the first to the last.
    case gradient([Double])
    /// One after the other over the layers: truth values.
    case levels([Double])
  }

  /// A part of a tensor's name; nil matches all.
  package let filter: String?
  /// The value.
  package let value: Value

  /// Describes a value.
  package init(filter: String? = nil, _ value: Value) {
    self.filter = filter
    self.value = value
  }

  /// Whether it counts for a tensor.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - layer: The number of its layer in the merged model; nil outside of layers.
  ///   - count: How many layers that has.
  /// - Returns: Whether the filter, which may be a `GroupFilter`, chooses it.
  package func matches(_ name: String, layer: Int?, of count: Int) -> Bool {
    guard let filter else { return true }
    return GroupFilter(filter)?.matches(name, block: layer, of: count)
      ?? name.contains(bytesOf: filter)
  }

  /// The number at a depth from 0 to 1.
  ///
  /// Formula of a gradient v of n values: s = t (n - 1), i = floor(s), f = s - i; (1 - f) v[i] + f v[min(i + 1, n - 1)].
  package func number(at depth: Double) -> Double {
    switch value {
    case .constant(let number): return number
    case .levels(let values):
      return values[min(Int(depth * Double(values.count - 1)), values.count - 1)]
    case .gradient(let values):
      let place = depth * Double(values.count - 1)
      let index = min(Int(place), values.count - 1)
      let rest = place - Double(index)
      return (1 - rest) * values[index] + rest * values[min(index + 1, values.count - 1)]
    }
  }
}

/// The values of a parameter in one scope; the first that matches counts.
package typealias ScopedNumbers = [ScopedNumber]

/// What a recipe in mergekit's grammar says: a method as mergekit means it, with its inputs and numbers.
package struct StepSettings: Sendable, Hashable {
  /// The method.
  package var method: StepMethod
  /// The inputs in the order in which they are listed; a base that is not listed comes last.
  package var inputs: [StepInput]
  /// Whether a base is given.
  package var hasBase: Bool
  /// The numbers for all, by parameter.
  package var shared: [String: ScopedNumbers] = [:]
  /// The numbers of each input, by parameter.
  package var own: [[String: ScopedNumbers]]
  /// The slices that the merged model is made of, in order; none if all models are merged whole.
  package var slices: [StepSlice] = []
  /// The type that arithmetic is done in; for each tensor that of its inputs if nil.
  package var dtype: DType?
  /// The type that is written, where it is another.
  package var outputDType: DType?
  /// How results are rounded on the way.
  package var rounding = StepRounding.steps
  /// Which tokens the merged model has; nil where nobody looks, and rows of the same number are merged.
  package var vocabulary: StepVocabulary?
  /// The chat template that the merged model gets: a name, or the text itself; the base's if nil.
  package var chatTemplate: String?

  /// Describes a merge without numbers.
  package init(_ method: StepMethod, inputs: [StepInput], hasBase: Bool) {
    self.method = method
    self.inputs = inputs
    self.hasBase = hasBase
    own = Array(repeating: [:], count: inputs.count)
  }

  /// What is rounded to at each step.
  package var working: WorkingType {
    rounding == .once ? .fixed(.f32) : dtype.map { .fixed($0) } ?? .promoted
  }

  /// Whether the first input is what comes out, but for its type.
  package var passesThrough: Bool {
    inputs == [.base] && method.parameters.map(\.name) == ["scale"]
      && !mentions("scale") { !$0.isNaN }
  }

  /// The type that all tensors are written in; each in that of its inputs if nil.
  package var fixedOutputDType: DType? {
    outputDType ?? (method.makesFloat32 && rounding == .steps ? .f32 : dtype)
  }

  /// A parameter's number for a tensor.
  ///
  /// The first scope that has a value for the tensor's name counts: the input in its slice, the slice, the
  /// input, all. Numbers of inputs are looked up under the name that the tensor has there.
  ///
  /// - Parameters:
  ///   - parameter: The parameter.
  ///   - place: Where the tensor stands.
  ///   - input: The input that it is of; the number for all if nil.
  /// - Returns: The number, or the parameter's default; nil if it has none.
  package func number(_ parameter: String, at place: StepPlace, input: Int?) -> Double? {
    let scope = scope(of: place, input: input)
    if parameter == "weight", place.isBehind, let input,
      scope.slice?.leftOutBehind.contains(input) == true
    {
      return 0
    }
    let scopes = [
      input.flatMap { scope.slice?.own[$0][parameter] }, scope.slice?.shared[parameter],
      input.flatMap { own[$0][parameter] }, shared[parameter],
    ]
    for numbers in scopes {
      let value = numbers?.first {
        $0.matches(scope.name, layer: place.layer?.number, of: place.layerCount)
      }
      if let value {
        return value.number(at: scope.depth)
      }
    }
    return method.parameters.first { $0.name == parameter }?.defaultValue
  }

  /// Where a tensor lies in the depth of a model: that of the last layer where there is but one.
  package static func depth(of layer: Int?, of layerCount: Int) -> Double {
    guard let layer else { return 0 }
    return layerCount > 1 ? Double(layer) / Double(layerCount - 1) : 1
  }
}
