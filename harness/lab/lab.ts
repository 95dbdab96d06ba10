export interface Lab {} // replaced within minutes
