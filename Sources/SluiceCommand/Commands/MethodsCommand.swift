internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods

struct MethodsCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "methods",
    abstract: "List the methods, or show one: options, passes, files, source.",
    discussion: """
      A merge has one pruning (--prune), one merging (--merge) and, if the pruning leaves it open, \
      one rate rule (--rates). The passes of pruning and merging add up; the merge itself is one.
      The methods called merge_method are those of recipes in mergekit's grammar.
      """)

  @Argument(help: "The name of a method.")
  var name: String?

  @Flag(help: "Write the table of the documentation.")
  var markdown = false

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let all = MethodTable.entries + MethodTable.stepEntries
    let entries = all.filter { name == nil || $0.name == name }
    guard !entries.isEmpty else {
      let known = Set(all.map(\.name)).sorted().joined(separator: ", ")
      throw UsageError("there is no method \(name ?? "")", remedy: "The methods are: \(known).")
    }
    if markdown {
      StandardOutput.write(MethodTable.markdown)
    } else if output.isJSON {
      StandardOutput.write(json(entries))
    } else if name == nil {
      StandardOutput.write(list(entries))
    } else {
      StandardOutput.write(entries.map(detail).joined(separator: "\n"))
    }
  }

  private func list(_ entries: [MethodTable.Entry]) -> String {
    var rows = [["kind", "name", "models", "passes", "files", "what it does"]]
    for entry in entries {
      rows.append([
        entry.kind, entry.name, "\(entry.leastModels)+", MethodTable.passText(entry),
        files(entry), entry.summary,
      ])
    }
    return Format.table(rows, leftAligned: [0, 1, 3, 4, 5])
  }

  private func detail(_ entry: MethodTable.Entry) -> String {
    let options = entry.options.joined(separator: ", ")
    var rows = [
      [entry.kind == "merge_method" ? entry.kind : "--\(entry.kind)", entry.name],
      ["", entry.summary],
      ["options", options.isEmpty ? "none" : options],
      ["models", "\(entry.leastModels) or more"], ["passes", MethodTable.passText(entry)],
    ]
    let files = files(entry)
    if !files.isEmpty { rows.append(["files", files]) }
    if !entry.paper.isEmpty { rows.append(["source", entry.paper]) }
    return Format.table(rows, leftAligned: [0, 1])
  }

  private func files(_ entry: MethodTable.Entry) -> String {
    (entry.neededFiles.map(\.option) + entry.optionalFiles.map { "[\($0.option)]" })
      .joined(separator: " ")
  }

  private func json(_ entries: [MethodTable.Entry]) -> String {
    JSONLine.text { json in
      json.key("methods")
      json.beginArray()
      for entry in entries {
        json.beginObject()
        json.member("kind", .string(entry.kind))
        json.member("name", .string(entry.name))
        json.member("summary", .string(entry.summary))
        list("options", entry.options, &json)
        json.member("leastModels", .integer(entry.leastModels))
        list("passes", entry.passes, &json)
        list("optionalPasses", entry.optionalPasses, &json)
        list("files", entry.neededFiles.map(\.rawValue), &json)
        list("optionalFiles", entry.optionalFiles.map(\.rawValue), &json)
        json.member("source", .string(entry.paper))
        json.endObject()
      }
      json.endArray()
    }
  }

  private func list(_ key: StaticString, _ values: [String], _ json: inout JSONWriter) {
    json.array(key) { for value in values { $0.value(value) } }
  }
}
