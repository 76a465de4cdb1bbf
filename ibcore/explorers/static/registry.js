/** Draw the explorer that the model names; the entry point of both hosts. */
function render(context) {
  const kind = context.model.get("kind");
  const draw = EXPLORERS[kind];
  if (!draw) throw new Error(`there is no explorer named ${kind}`);
  return draw(context);
}

defineElement();
