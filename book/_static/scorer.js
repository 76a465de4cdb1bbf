// How the search ranks what it finds: Sphinx's own weights, and chapters before what is said of them.
var Scorer = {
  score: ([page, , , , score]) => score + (/^notebooks|tour$/.test(page) ? 8 : /^book\/teach/.test(page) ? -4 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
