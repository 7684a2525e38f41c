import Foundation
import SluiceCore
import SluiceFormats
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Paths in a recipe that is written")
struct WrittenPathTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  /// What a recipe in a directory says of a model.
  private func written(_ model: String, in directory: String) throws -> String {
    let recipe = MergeRecipe(base: model, models: [], method: .init())
    let text = recipe.resolvedText(WrittenPaths(.relative, from: directory))
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("base: ") })
    return String(line.dropFirst("base: \"".count).dropLast())
  }

  @Test(
    "start at its directory",
    arguments: [
      ("family/math", "out", "../family/math"), ("out/math", "out", "./math"),
      ("m.bin", "a/b/out", "../../../m.bin"), ("family/", "family/out", ".."),
      ("family/out/../math", "family/out", "../math"),
    ])
  func relative(model: String, directory: String, expected: String) throws {
    try Directory.create(scratch(directory))
    if model != "m.bin" { try Directory.create(scratch("family/math")) }
    #expect(try written(scratch(model), in: scratch(directory)) == expected)
  }

  @Test("lead there through links, whose own names are kept")
  func links() throws {
    try scratch.write("x", to: "models/far/math/config.json")
    try Directory.create(scratch("disk/deep/out"))
    let files = FileManager.default
    for (link, target) in [("link", "disk/deep"), ("math", "models/far/math")] {
      try files.createSymbolicLink(atPath: scratch(link), withDestinationPath: scratch(target))
    }
    let path = try written(scratch("math"), in: scratch("link/out"))
    #expect(path == "../../../math")
    #expect(try FileStatus.of("\(scratch("link/out"))/\(path)/config.json") != nil)
    // A link among the models leads to where they are, and says nothing of that.
    try files.createSymbolicLink(
      atPath: scratch("big"), withDestinationPath: scratch("models/far"))
    #expect(try written(scratch("big/math"), in: scratch("disk")) == "../big/math")
  }

  @Test("are names of what has no directory in common, and the recipe says so")
  func elsewhere() throws {
    try Directory.create(scratch("out"))
    #expect(try written("/nowhere/at/all/math", in: scratch("out")) == "math")
    let recipe = MergeRecipe(base: "/nowhere/at/all", models: [], method: .init())
    #expect(
      recipe.resolvedText(WrittenPaths(.relative, from: scratch.path)).contains("--base PATH"))
    #expect(
      recipe.resolvedText(WrittenPaths(.absolute, from: scratch.path)).contains(
        "\"/nowhere/at/all\""))
  }

  @Test("are none of this machine, and the recipe gives the same bytes wherever all of it is moved")
  func moved() throws {
    let directory = try FamilyDirectory { $0.layerCount = 1 }
    try directory.writeMethodFiles()
    let recipe = try directory.recipe(
      """
      merge_method: lm-cocktail
      base_model: models/base
      models: {math: models/math, law: models/law}
      parameters: {losses: models/files/losses.json}
      """)
    let merged = try directory.run(recipe)
    let text = try String(
      contentsOfFile: merged.output + "/" + MergeRecipe.resolvedFileName, encoding: .utf8)
    #expect(!text.contains(ScratchDirectory.root) && text.contains("../models/files/losses.json"))
    let elsewhere = directory("elsewhere")
    try Directory.create(elsewhere)
    for name in ["models", Directory.name(of: merged.output)] {
      try FileManager.default.moveItem(atPath: directory(name), toPath: "\(elsewhere)/\(name)")
    }
    let again = try RecipeFile.load(
      "\(elsewhere)/\(Directory.name(of: merged.output))/\(MergeRecipe.resolvedFileName)",
      options: RunOptions(threads: 1)
    ).recipe
    #expect(again.fingerprint == recipe.fingerprint)
    try directory.run(again).model.expectSameBytes(as: merged.model)
  }

  @Test("of programs are no part of what a recipe is, and are found again")
  func programs() throws {
    let recipes = try ["here", "there/deeper"].map { place in
      try scratch.write("#!/bin/sh\n", to: "\(place)/stages/clip.sh")
      return try RecipeFile.parse(
        """
        base: /b
        models: {m: /m}
        stages:
          - read
          - delta
          - exec: {command: [stages/clip.sh, "3"]}
          - assign-rates
          - mask
          - merge
          - write
        """, directory: scratch(place), options: RunOptions(threads: 1)
      ).recipe
    }
    #expect(recipes[0].fingerprint == recipes[1].fingerprint)
    try Directory.create(scratch("there/out"))
    let text = recipes[1].resolvedText(WrittenPaths(.relative, from: scratch("there/out")))
    #expect(text.contains(#"command: ["../deeper/stages/clip.sh", "3"]"#))
    let again = try RecipeFile.parse(
      text, directory: scratch("there/out"), options: RunOptions(threads: 1)
    ).recipe
    #expect(again.fingerprint == recipes[0].fingerprint)
  }
}
