package import SluiceStages

/// Tensors that are asked about: each by itself, or several as one.
///
/// Where each is asked about by itself there may be ten thousand, so that no list is made for each.
package enum LayerGroups: Sendable {
  /// Each tensor by itself.
  case each([TensorTask])
  /// Those of a list as one.
  case joined([[TensorTask]])

  /// How many groups there are.
  package var count: Int {
    switch self {
    case .each(let tasks): tasks.count
    case .joined(let groups): groups.count
    }
  }

  /// The tensors of all groups.
  package var tasks: [TensorTask] {
    switch self {
    case .each(let tasks): tasks
    case .joined(let groups): Array(groups.joined())
    }
  }

  /// The first strip of each group; 0 of a group without tensors.
  package var firstStrips: [Int] {
    switch self {
    case .each(let tasks): tasks.map(\.firstStrip)
    case .joined(let groups): groups.map { $0.first?.firstStrip ?? 0 }
    }
  }

  /// A group, of one model.
  package func layer(at position: Int, model: Int) -> SurveyedLayer {
    switch self {
    case .each(let tasks):
      SurveyedLayer(.one(tasks[position]), position: position, model: model)
    case .joined(let groups):
      SurveyedLayer(.several(groups[position]), position: position, model: model)
    }
  }
}

/// What a question is about: a tensor of one model, or several as one.
package struct SurveyedLayer: Sendable {
  fileprivate enum Group: Sendable {
    case one(TensorTask)
    case several([TensorTask])
  }

  private let group: Group
  /// The position among the groups.
  package let position: Int
  /// The position of the model.
  package let model: Int

  fileprivate init(_ group: Group, position: Int, model: Int) {
    (self.group, self.position, self.model) = (group, position, model)
  }

  /// The tensor if it is a single one; nil if several, or none, are looked at as one.
  package var single: TensorTask? {
    switch group {
    case .one(let task): task
    case .several(let tasks): tasks.count == 1 ? tasks[0] : nil
    }
  }

  /// The first of its tensors, of which there must be one.
  package var first: TensorTask {
    switch group {
    case .one(let task): task
    case .several(let tasks): tasks[0]
    }
  }

  /// The tensor, or those that are looked at as one.
  package var tasks: [TensorTask] {
    switch group {
    case .one(let task): [task]
    case .several(let tasks): tasks
    }
  }
}
