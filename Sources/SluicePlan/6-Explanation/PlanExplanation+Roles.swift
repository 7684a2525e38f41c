internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

extension PlanExplanation {
  /// What some tensors of the merged model are taken for, and what is done with them.
  package struct Role: Sendable, Hashable {
    /// The part that they play.
    package var name: String
    /// What is done: pruned, merged, averaged, converted, copied.
    package var treatment: String
    /// How many tensors, or layers of stacks.
    package var tensorCount: Int
    /// Their elements.
    package var elementCount: Int
    /// One of them, and why it is taken for that.
    package var example: String
  }

  /// The parts that tensors play, those with the most elements first.
  static func roles(_ plan: MergePlan) -> [Role] {
    var roles: [Role] = []
    // Asked of the recipe once: there may be ten thousands of tensors, most of them as the one before.
    var treatments: [TensorRole: String] = [:]
    var last: (role: TensorRole, kind: TensorPart.Kind)?
    var index = 0
    for task in plan.tasks {
      let own = (role: task.role, kind: task.part.kind)
      if last.map({ $0 != own }) ?? true {
        last = own
        let treatment = treatments[own.role] ?? treatment(of: own.role, plan.recipe)
        treatments[own.role] = treatment
        let name = own.kind.rawValue
        index =
          roles.firstIndex { $0.name == name && $0.treatment == treatment } ?? roles.count
        if index == roles.count {
          roles.append(
            Role(
              name: name, treatment: treatment, tensorCount: 0, elementCount: 0,
              example: "\(task.name): \(task.part.reason)"))
        }
      }
      roles[index].tensorCount += 1
      roles[index].elementCount += task.elementCount
    }
    return roles.sorted { ($0.elementCount, $1.name) > ($1.elementCount, $0.name) }
  }

  private static func treatment(of role: TensorRole, _ recipe: MergeRecipe) -> String {
    switch role {
    case .linear: recipe.method.pruning.row.bands == .none ? "merged" : "pruned and merged"
    case .dense: recipe.method.nonLinear == .average ? "averaged" : "merged"
    case .averaged: "averaged"
    case .converted: "kept"
    case .copied: "copied"
    }
  }

  func writeRoles(_ json: inout JSONWriter) {
    json.key("roles")
    json.beginArray()
    for role in roles {
      json.beginObject(isOnOneLine: true)
      json.member("role", .string(role.name))
      json.member("treatment", .string(role.treatment))
      json.member("tensors", .integer(role.tensorCount))
      json.member("elements", .integer(role.elementCount))
      json.member("example", .string(role.example))
      json.endObject()
    }
    json.endArray()
  }

  mutating func readRoles(_ tree: JSONTree) {
    roles = (tree["roles"]?.list ?? []).map {
      Role(
        name: $0["role"]?.text ?? "", treatment: $0["treatment"]?.text ?? "",
        tensorCount: $0["tensors"]?.count ?? 0, elementCount: $0["elements"]?.count ?? 0,
        example: $0["example"]?.text ?? "")
    }
  }
}
