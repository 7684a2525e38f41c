internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
package import SluicePlan
internal import SluiceRecipe

/// The page that the hub shows about a merged model: `README.md`, with front matter that it understands.
package struct ModelCard {
  /// The name of the file.
  package static let fileName = "README.md"

  private let plan: MergePlan
  private let recipe: String
  private let hubName: (String) -> String?

  /// Describes a merge.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - recipe: The recipe, as the output holds it.
  ///   - hubName: The name that what lies at a path has on the hub, if it comes from there.
  package init(
    _ plan: MergePlan, recipe: String,
    hubName: @escaping (String) -> String? = { HubCache.name(of: $0) }
  ) {
    self.plan = plan
    self.recipe = recipe
    self.hubName = hubName
  }

  /// The page.
  ///
  /// - Returns: Markdown, with front matter.
  /// - Throws: If the base's own page cannot be looked at.
  package func text() throws -> String {
    var text = "---\n"
    let ids = try hubNames
    if !ids.isEmpty { text += "base_model:\n" + ids.map { "- \($0)\n" }.joined() }
    text += "library_name: transformers\n"
    text += try ModelLicence.lines(in: plan.recipe.base).map { "\($0)\n" }.joined()
    text += "tags:\n- merge\n- sluice\n---\n"
    let names = plan.recipe.models.map(\.name.printable)
    text += "# A merge" + (names.isEmpty ? "" : " of \(names.joined(separator: ", "))") + "\n\n"
    text += "This model is a merge, made with sluice \(SluiceVersion.current).\n\n"
    text += "## Method\n\n" + methods.map { "* \($0)\n" }.joined() + "\n"
    text += "## Models\n\n"
    for (model, path) in models { text += "* \(model): \(path)\n" }
    return text + "\n## Recipe\n\n```yaml\n\(recipe)```\n"
  }

  /// What the methods are, and where they come from.
  private var methods: [String] {
    func text(_ name: String, _ summary: String, _ paper: String) -> String {
      "`\(name)`: \(summary)" + (paper.isEmpty ? "" : " Source: \(paper).")
    }
    if let method = plan.recipe.steps?.method {
      return [text(method.name, method.summary, method.paper)]
    }
    let (prune, merge) = (plan.recipe.method.pruning.row, plan.recipe.method.merging.row)
    let rows = [text(merge.name, merge.summary, merge.paper)]
    return prune.name == "none" ? rows : [text(prune.name, prune.summary, prune.paper)] + rows
  }

  /// The models by their names, and what others know them by; no path of the machine.
  private var models: [(String, String)] {
    let recipe = plan.recipe
    let names = ["base"] + recipe.models.map(\.name)
    let paths = zip([recipe.base] + recipe.models.map(\.path), recipe.stacks).map { path, layers in
      layers.isEmpty
        ? known(path)
        : layers.filter { !$0.isGap }.map {
          "\(known($0.path)), layers \($0.layers.lowerBound) to \($0.layers.upperBound - 1)"
        }
        .joined(separator: "; ")
    }
    return zip(names, paths).map { ($0.printable, $1) }
  }

  private func known(_ path: String) -> String {
    (hubName(path) ?? Directory.name(of: path)).printable
  }

  /// The names on the hub that models have, without revisions, each once.
  private var hubNames: [String] {
    get throws {
      var names: [String] = []
      let recipe = plan.recipe
      var paths = [recipe.base]
      for model in recipe.models { paths += [model.path] + model.adapters.map(\.path) }
      for stack in recipe.stacks { paths += stack.map(\.path) }
      for path in paths {
        guard let name = hubName(path)?.prefix(while: { $0 != "@" }) else { continue }
        if !names.contains(String(name)) { names.append(String(name)) }
      }
      return names
    }
  }
}

/// The licence that a model's own page names.
enum ModelLicence {
  private static let keys = ["license", "license_name", "license_link"]

  /// The lines of the page's front matter about it.
  ///
  /// - Parameter path: The model's directory.
  /// - Returns: Lines of plain words and addresses; nothing where there is no page, or none is named.
  /// - Throws: If the file system does not say whether there is a page.
  static func lines(in path: String) throws -> [String] {
    let file = "\(path)/\(ModelCard.fileName)"
    guard try FileStatus.of(file)?.kind == .regularFile,
      let bytes = try? InputFile.contents(of: file, byteLimit: 1 << 20)
    else { return [] }
    let lines = String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == "---" else { return [] }
    return lines.dropFirst().prefix { $0 != "---" }.filter { line in
      keys.contains { line.hasPrefix("\($0): ") } && line.utf8.count <= 200
        && line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "&") }
    }.map { String($0) }
  }
}
